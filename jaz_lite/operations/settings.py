"""Settings with their origin: those of the file `config.toml` and those of the store."""

from typing import Any

from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site


async def listed(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"settings": [{"name", "value", "default", "origin"}]}`, the file's first."""
    stored = await site.read(lambda view: list(view.settings.all()))
    of_file = [(one.name, one.value, one.default, one.origin) for one in site.config]
    of_store = [(one.name, one.value, one.known.default, one.origin) for one in stored]
    names = ("name", "value", "default", "origin")
    return {"settings": [dict(zip(names, row, strict=True)) for row in (*of_file, *of_store)]}
