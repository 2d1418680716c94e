"""The simulator: server and agents in one thread and in virtual time, under faults.

It drives the product's own classes: the store on a real file, `runner.turns`, the engine, both ends of the wire with
real bytes, the agent's cores and its spool. Doubles stand for the clock, the wire (the bytes between the links), the
disk of an agent's machine, and processes: those that run jobs, and those that run us and can be killed.

One seed decides everything: `python -m tests.sim --seed 17 -v`. A fault of the simulator and a fault of the product
look the same at first; `oracle.py` holds what is promised, and says nothing about how it is done.

    world.py      time, dice, the trace, counts
    kinds.py      the kinds of worlds, by the numbers of their seeds
    playing.py    many seeds, one after the other or several at once
    network.py    connections that deliver in order, late, in pieces, and break
    server.py     the server's process: turns, commits, releases, and its death between any two of them
    machine.py    a host: its power, its jobs, the life and death of the agent's processes
    agent.py      the agent's process
    agent_line.py its lines to servers
    keeper.py     the job keeper's process
    copies.py     file copies at an agent
    copied_files.py  the files, and what must hold of them
    disk.py       the disk of a host, and what a power cut leaves of it
    processes.py  jobs: they count their own starts
    workload.py   random jobnets, and people who operate them
    faults.py     what goes wrong, and when it stops
    oracle.py     what must hold all the same
    ledger.py     what one data directory holds, as committed
    own_work.py   what must hold of file waits
    reboots.py    what must hold of machines that icons restart
    breakages.py  deliberate faults in the product, by name; the simulator must catch each
    scenario.py   one seed from its first to its last moment
    failover      the same with several servers: copies, takeovers, set-back directories
"""
