"""A site of real processes on machines of their own, whose server dies, is cut off, is replaced, and comes back.

    make failover ROUNDS=20             one line a round
    make failover ROUNDS=20 SEED=7      the same plan again

Three machines for servers and four for agents are network namespaces, each with its own address and machine id. A
schedule fires every minute and runs are started by hand all the time, while servers, agents and keepers are killed,
cables are pulled, packets lost in one direction, and copies taken of the running server. In each round another server
takes over with one of these copies: a fresh one, an old one, or the whole directory of a dead server; while the old one
is dead, cut off, deaf, frozen or well. Then everything is mended, and the file in which every job wrote its own start
and end is laid beside what the server says: nothing started twice; every end is known with its true exit code; every
run is over, or held with a reason; every time of the schedule has its one run; one server is active, and the ones it
replaced ended with exit code 3.

The plan follows from the seed; what is hit by it, from the machine.
"""
