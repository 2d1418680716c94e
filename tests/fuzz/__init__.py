"""The fuzzer: sound and unsound input, made from the catalogue itself, for everything that reads what others wrote.

    make fuzz FRAMES=1000000            until so many frames were tried
    make fuzz FRAMES=100000 SEED=7      the same again

`shapes` makes values from the tables of fields, so a message that is added to `wire/messages.py` is tried without a
word here; `mutation` damages values and bytes. Each target plays sessions: `links` the two state machines in every
state a peer can bring them to, `whole` a server's turns on a real store and an agent's site with what the links let
through, `readers` the rest (work orders, events, certificates, the keeper's socket, the logs of agent and keeper).

It fails on an exception that the reader does not promise, on a session that takes more than a second of CPU, and when
the process grows by more than 64 MiB after the warm-up. One seed decides everything.
"""
