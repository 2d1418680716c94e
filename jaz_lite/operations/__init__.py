"""What a person or a command may ask of a site: one file a noun, one list of all (`registry`).

Every door (local socket, offline command, later HTTP and embedding) calls the same functions through the registry,
which checks arguments and permission; nothing above decides about either. An operation takes a site and a person, reads
and writes through the site's transactions, and returns plain values that can be sent over any wire.
"""
