"""Who may be the server: rules about taking over and about being replaced, without any I/O.

Terms, tickets and answers come as values; what follows is a value, too. The server's room asks and acts.
Source: protocol.md section 8.
"""
