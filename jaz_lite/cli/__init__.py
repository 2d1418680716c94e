"""The commands: thin. Each parses, asks operations through the local socket or in process, and prints."""
