"""How people write wall times and cycles: `8:00`, `2530`, `25:30`; `15 08:00-26:00`, `every 2 hours from 6:00 to 22:00`."""

import re

import click

TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})|([0-9]{2})([0-9]{2})")
CYCLE = re.compile(
    r"(?:every\s+)?(?P<count>[0-9]{1,4})\s*(?P<unit>m|min|minutes?|h|hours?)?"
    r"(?:\s+(?:from\s+)?(?P<since>[0-9:]+)\s*(?:-|\bto\b|\buntil\b)\s*(?P<until>[0-9:]+))?",
    re.IGNORECASE,
)
DAY_MIN = 24 * 60


def read_time(text: str) -> str:
    """Return a wall time as HHMM, 0000 to 9959; 24 hours and more are of later days."""
    found = TIME.fullmatch(text.strip())
    if found is not None:
        hour, minute = (found[1], found[2]) if found[1] else (found[3], found[4])
        if int(minute) <= 59:
            return f"{int(hour):02}{minute}"
    raise click.UsageError(f'"{text}" is no time; write 08:00 or 0800, and 25:30 for half past one of the next day')


def read_times(texts: tuple[str, ...]) -> list[str]:
    """Return the times of lists, each once, in their order."""
    return list(dict.fromkeys(read_time(part) for text in texts for part in text.split(",")))


def read_cycle(text: str, since: str | None, until: str | None) -> dict[str, str | int]:
    """Return the fields of a cycle: `every_min`, and `since` and `until` where they are said.

    Args:
        since, until: for a text that has no span of its own; None: nothing is said.
    """
    found = CYCLE.fullmatch(text.strip())
    if found is None:
        raise click.UsageError(f'"{text}" is no cycle; write 15, 2h, or "15 08:00-26:00" with its first and last time')
    minutes = int(found["count"]) * (60 if (found["unit"] or "m").lower().startswith("h") else 1)
    since, until = found["since"] or since, found["until"] or until
    fields: dict[str, str | int] = {"every_min": minutes}
    if since is not None:
        fields["since"] = read_time(since)
    if until is not None:
        fields["until"] = read_time(until)
    return fields


def time_in_words(at: str) -> str:
    """Return HHMM as people read it; of a time past 24:00 also what the clock shows then."""
    hour = int(at[:2])
    if hour < 24:
        return f"{at[:2]}:{at[2:]}"
    days = hour // 24
    later = "next day" if days == 1 else f"day {days} days later"
    return f"{at[:2]}:{at[2:]} ({hour % 24:02}:{at[2:]} of the {later})"


def cycle_in_words(every_min: int, since: str, until: str) -> str:
    """Return a cycle as people read it."""
    hours, minutes = divmod(every_min, 60)
    if minutes or not hours:
        step = f"{every_min} minutes" if every_min != 1 else "minute"
    else:
        step = f"{hours} hours" if hours != 1 else "hour"
    return f"every {step} from {time_in_words(since)} to {time_in_words(until)}"


def minutes_in_words(minutes: int) -> str:
    """Return a length of time as people read it."""
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
