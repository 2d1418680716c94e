"""Public holidays of the countries of the world, from the library `holidays`.

The library is imported when the first holiday is asked for: it costs a process 17 MB, which most sites need not pay.
A place is a country by its ISO code, with its part where there is one: "JP", "DE-BY".
"""

from collections.abc import Collection
from datetime import date
from typing import Final

from jaz_lite.errors import DefinitionError

YEARS_REMEMBERED_MAX = 1_000


class PublicHolidays:
    """Implements `days.Holidays`. Knows what the library knows: a year before or after its data has no holidays."""

    def __init__(self) -> None:
        self._places: frozenset[str] = frozenset()
        self._years: dict[tuple[str, int], frozenset[date]] = {}

    def of(self, place: str, year: int) -> Collection[date]:
        """Return the public holidays of a place in a year, and the days that are off in their stead.

        Raises:
            DefinitionError: no such place.
        """
        found = self._years.get((place, year))
        if found is None:
            found = self._find(place, year)
            if len(self._years) >= YEARS_REMEMBERED_MAX:
                self._years.clear()
            self._years[place, year] = found
        return found

    def places(self) -> frozenset[str]:
        """Return every place whose holidays are known."""
        if not self._places:
            import holidays

            countries = holidays.list_supported_countries()
            parts = {f"{country}-{part}" for country, parts in countries.items() for part in parts}
            self._places = frozenset(countries) | parts
        return self._places

    def _find(self, place: str, year: int) -> frozenset[date]:
        import holidays

        if place not in self.places():
            raise DefinitionError(
                f'no public holidays are known of "{place}"',
                hint="name a country, as in JP, or a part of one, as in DE-BY",
            )
        country, _, part = place.partition("-")
        found = holidays.country_holidays(country, subdiv=part or None, years=year, expand=False)
        return frozenset(day for day in found if day.year == year)


HOLIDAYS: Final = (
    PublicHolidays()
)  # the one of this process: it remembers what it was asked for, and loads nothing before
