"""The engine: what happens next in a run.

`plan` makes a run from definitions, `advance` changes it by events, `explain` and `view` tell people about it. All of
it is pure: events and the time come in, a new run, actions and facts come out.
"""
