"""The group `schedule`: what it has besides the commands of every kind."""

from jaz_lite.cli.definitions import made

schedule = made("schedule")
