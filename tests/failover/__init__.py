"""A site of real processes on machines of their own, whose server dies, is cut off, is replaced, and comes back.

    make failover ROUNDS=20             one line a round
    make failover ROUNDS=20 SEED=7      the same plan again

Three machines for servers and four for agents are network namespaces, each with its own address and machine id. Two
schedules fire every minute, runs are started by hand all the time, with jobs of each agent and of a group, and with
files that are copied from agent to agent; people hold, skip, stop and rerun what they like. Meanwhile servers, agents
and keepers are killed, cables are pulled, packets lost in one direction, and copies taken of the running server. In
each round another server takes over:

- with a fresh copy, an old one, or the whole directory of a dead server, perhaps on a disk with hardly any room; while
  the old one is dead, cut off, deaf, frozen or well (`switches.py`);
- as a standby: told to, handed the site, or elected by the agents; which was cut off before, or began with a snapshot
  that was carried over (`standbys.py`).

Then everything is mended, and the file in which every job wrote its own start and end is laid beside what the server
says (`verdict.py`): nothing started twice; every end is known with its true exit code; every run is over, or held with
a reason; every time of a schedule has its one run; a copied file is the old one or the whole new one; one server is
active, and the ones it replaced ended with exit code 3.

The plan follows from the seed; what is hit by it, from the machine. Where a promise was broken, the logs and data
directories stay, and their place is printed. Before the rounds come two trials: a large jobnet of a real site
(`trial.py`), and jobs of the server's own agent (`embedded.py`).
"""
