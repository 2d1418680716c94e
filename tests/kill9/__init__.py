"""Real processes, killed at random: server, agents and job keepers of a small site, round after round.

    make kill9 ROUNDS=20                one line a round
    make kill9 ROUNDS=20 SEED=7         the same plan again

Each job writes its own start and its own end, with its exit code, to a file, and prints bytes that follow from its
name. After each round: nothing started twice; what ended has its true exit code and its output byte for byte; what is
in doubt was on a machine whose keeper was killed, and was not started again; every run came to its end.

The plan (what is killed when, how long things stay away) follows from the seed; what is hit by it, from the machine.
"""
