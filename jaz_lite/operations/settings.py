"""Settings with their origin: those of the file `config.toml` and those of the store."""

from typing import Any

from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site


async def listed(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"settings": [{"name", "value", "default", "origin"}]}`, the file's first."""
    stored = await site.read(lambda view: list(view.settings.all()))
    rows = [
        {"name": one.name, "value": one.value, "default": one.default, "origin": one.origin}
        for one in (*site.config, *stored)
    ]
    return {"settings": rows}
