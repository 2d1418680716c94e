"""Benchmarks: each figure beside what the machine itself can do, measured in the same minutes.

`python -m bench NAME` prints one JSON line; `python -m bench all` one for each. A figure is judged by its ratio to a
floor, since absolute rates move with the machine and its neighbours. Benchmarks start the real server from source, in
a temporary data directory, through the commands people use; they are no part of the tests.
"""
