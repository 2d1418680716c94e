"""Public holidays of the countries of the world, from the library `holidays`.

The library is imported when the first holiday is asked for: it costs a process 17 MB, which most sites need not pay.
A place is a country by its ISO code, with its part where there is one: "JP", "DE-BY".
"""

from collections.abc import Collection
from datetime import date
from difflib import get_close_matches
from typing import Final

from jaz_lite.errors import DefinitionError

YEARS_REMEMBERED_MAX = 1_000
ENGLISH = "en_US"


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

    def named(self, place: str, year: int) -> dict[date, str]:
        """Return the public holidays of a place in a year with their names, English where it has them; sorted.

        Raises:
            DefinitionError: no such place.
        """
        import holidays

        days = self.of(place, year)
        country, _, part = place.partition("-")
        kind = getattr(holidays, country)
        language = ENGLISH if ENGLISH in kind.supported_languages else None
        found = holidays.country_holidays(country, subdiv=part or None, years=year, expand=False, language=language)
        return {day: found[day] for day in sorted(days)}

    def countries(self) -> dict[str, str]:
        """Return the name of every country by its code of two letters, sorted by it."""
        from holidays.registry import COUNTRIES

        return dict(sorted((names[1], module.replace("_", " ").title()) for module, names in COUNTRIES.items()))

    def parts(self, country: str) -> dict[str, str]:
        """Return the parts of a country that have holidays of their own: place to name, sorted; none for no country."""
        import holidays

        if country not in self.countries():
            return {}
        kind = getattr(holidays, country)
        names = {code: name for name, code in kind.subdivisions_aliases.items()}
        return {f"{country}-{part}": names.get(part, part) for part in sorted(kind.subdivisions)}

    def _hint(self, place: str) -> str:
        """Return what somebody may have meant who named a place that is none."""
        country, _, part = place.partition("-")
        named = [code for code, name in self.countries().items() if name.casefold() == place.casefold()]
        known = list(self.parts(country.upper())) if part else list(self.countries())
        upper = {code.upper(): code for code in known}
        near = named or [upper[code] for code in get_close_matches(place.upper(), upper, cutoff=0.5)]
        if not near:
            return "name a country, as in JP, or a part of one, as in DE-BY"
        return f"did you mean {' or '.join(near)}?"

    def _find(self, place: str, year: int) -> frozenset[date]:
        import holidays

        if place not in self.places():
            raise DefinitionError(
                f'no public holidays are known of "{place}"',
                hint=self._hint(place),
            )
        country, _, part = place.partition("-")
        found = holidays.country_holidays(country, subdiv=part or None, years=year, expand=False)
        return frozenset(day for day in found if day.year == year)


# The one of this process: it remembers what it was asked for, and loads nothing before.
HOLIDAYS: Final = PublicHolidays()
