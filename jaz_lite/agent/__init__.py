"""The agent: runs jobs on a machine, remembers what became of each, and tells its server until the server knows.

Two processes: the agent (trio, the link to the server, the agent log) and the job keeper (standard library only, the
only parent of all jobs, outlives the agent).
"""
