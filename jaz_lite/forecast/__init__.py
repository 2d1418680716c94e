"""The forecast: what would start, and how the night would go.

`upcoming` lists what would start: what is planned already, and beyond that what the timetables of the schedules say.
`play` lets the real engine run it all in virtual time, with durations from the past. Everything here is pure: the
caller brings definitions, runs, hosts and durations (`material` makes them from plain maps) and gets values back.
"""
