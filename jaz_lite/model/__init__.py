"""The nouns: frozen dataclasses without I/O. Everything above this floor speaks in them."""
