"""The runner: events that have gathered become committed state, and then frames, answers and news.

`turns` is the only place where runs change. Everything in this room is plain code driven by method calls, so that the
simulator runs the same classes in virtual time; the trio tasks around it are in `tasks` and in `jaz_lite.server`.
"""
