"""Worlds with several servers: copies of a data directory, taken at any moment, that take over from each other.

shelf.py      copies: cold ones and snapshots, as old as they are
server.py     a server that can be replaced, and can take over with a copy
site.py       the servers of a site, and the one that people take for the server
schedules.py  schedules that fire every minute, whoever is the server
faults.py     what goes wrong with servers, beside what goes wrong anyway
truth.py      what must hold of all servers together
scenario.py   one seed from its first to its last moment
"""
