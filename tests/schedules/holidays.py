"""Public holidays of places that are on no map."""

from collections.abc import Collection, Mapping
from datetime import date

from jaz_lite.errors import DefinitionError


class KnownHolidays:
    """What a site is told of public holidays: here, what the test says."""

    def __init__(self, days: Mapping[str, Collection[date]]) -> None:
        self._days = days

    def of(self, place: str, year: int) -> list[date]:
        if place not in self._days:
            raise DefinitionError(f'no public holidays are known of "{place}"')
        return [day for day in self._days[place] if day.year == year]

    def is_holiday(self, place: str, day: date) -> bool:
        """Tell the same of one day."""
        return day in self._days[place]
