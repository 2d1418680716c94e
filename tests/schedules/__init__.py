"""Schedules against slow statements of their rules, and a booter under faults.

`brute_force.py` says the rules again, in the plainest words that can be run; `ticking.py` is a scheduler that lets a
clock tick through the minutes and reads it. What the product does is laid beside both, over random schedules and every
zone there is. `python -m tests.schedules` plays seeds; a failure prints one line that repeats it.
"""
