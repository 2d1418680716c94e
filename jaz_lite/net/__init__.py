"""Links to other processes: TCP with TLS to agents, and the local control socket. The protocols themselves are in `wire`."""
