"""A small network of hosts on this machine: network namespaces with own addresses, firewalls and cables."""
