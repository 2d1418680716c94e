"""Settings: those of the file `config.toml`, and those of the store, which may change while the server runs."""

from typing import Any

from jaz_lite import config
from jaz_lite.errors import NoSuchObject, UsageError
from jaz_lite.model.fact import Fact
from jaz_lite.operations.person import Person
from jaz_lite.operations.site import Site
from jaz_lite.operations.spans import read_minutes, shown_minutes
from jaz_lite.store.settings import KNOWN, Known, Setting, Value, known_as
from jaz_lite.store.transaction import Nouns, Transaction

VALUE_CHARS_MAX = 2_048
TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


async def of_site(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"settings": [{"name", "value", "default", "origin"}]}`: all of the site, the file's first."""
    stored = await site.read(lambda view: list(view.settings.all()))
    of_file = [(one.name, one.value, one.default, one.origin) for one in site.config]
    of_store = [(one.name, one.value, one.known.default, one.origin) for one in stored]
    names = ("name", "value", "default", "origin")
    return {"settings": [dict(zip(names, row, strict=True)) for row in (*of_file, *of_store)]}


async def listed(site: Site, person: Person) -> dict[str, Any]:
    """Return `{"settings": [...]}`, each in the shape of `setting_shown`, sorted by name."""
    return {"settings": await site.read(lambda view: [setting_shown(one) for one in view.settings.all()])}


async def show(site: Site, person: Person, *, name: str) -> dict[str, Any]:
    """Return one setting in the shape of `setting_shown`."""
    _known(name)
    return await site.read(lambda view: _one(view, name))


async def change(site: Site, person: Person, *, name: str, value: str) -> dict[str, Any]:
    """Change a setting at once; return it, with what it `was`.

    Args:
        value: as a person writes it: `36h`, `true`, a number or a text.
    """
    read = _read(name, value, _known(name))
    return await site.write(lambda tx: _changed(tx, site, person, name, read))


async def reset(site: Site, person: Person, *, name: str) -> dict[str, Any]:
    """Let a setting be its default again; return it, with what it `was`."""
    _known(name)
    return await site.write(lambda tx: _changed(tx, site, person, name, None))


def setting_shown(one: Setting) -> dict[str, Any]:
    """Return a setting as programs and people read it.

    Names: name, value, default (a span in minutes), text, default_text (as people write them), origin, meaning,
    unit ("min" or ""), and of a number least, most and range (both as people write them).
    """
    known = one.known
    is_number = type(known.default) is int
    return {
        "name": one.name,
        "value": one.value,
        "text": _text(one.name, one.value, known),
        "default": known.default,
        "default_text": _text(one.name, known.default, known),
        "origin": one.origin,
        "unit": "min" if _is_span(one.name) else "",
        "least": known.least if is_number else None,
        "most": known.most if is_number else None,
        "range": _range(one.name, known) if is_number else "",
        "meaning": known.meaning + (f"; 0: {known.zero}" if known.zero else ""),
    }


def _changed(tx: Transaction, site: Site, person: Person, name: str, value: Value | None) -> dict[str, Any]:
    was = _one(tx, name)
    tx.settings.set(name, value)
    now = _one(tx, name)
    if (was["value"], was["origin"]) != (now["value"], now["origin"]):
        data = {"name": name, "was": was["text"], "now": now["text"], "by": person.name}
        tx.journal.add(site.clock.now_ms(), None, "", Fact(kind="setting_changed", severity="info", data=data))
    return {**now, "was": was["value"], "was_text": was["text"]}


def _one(nouns: Nouns, name: str) -> dict[str, Any]:
    return next(setting_shown(one) for one in nouns.settings.all() if one.name == name)


def _known(name: str) -> Known:
    """Return what is known of a setting; one of the file is another thing, and the sentence says so."""
    if name not in KNOWN and name in {setting.name for setting in config.SETTINGS}:
        table, _, key = name.partition(".")
        raise NoSuchObject(
            f'setting "{name}" stands in {config.CONFIG_FILE} and is read when the server starts',
            hint=f"write it there: [{table}], {key} = …; `jaz-lite config show` shows it",
        )
    return known_as(name)


def _read(name: str, text: str, known: Known) -> Value:
    """Return what a person wrote, as the setting wants it."""
    if len(text) > VALUE_CHARS_MAX:
        raise UsageError(f'the value of setting "{name}" is longer than {VALUE_CHARS_MAX} characters')
    match known.default:
        case bool():
            if text.lower() not in TRUTH:
                raise UsageError(f'setting "{name}" wants true or false, not "{text[:40]}"')
            return TRUTH[text.lower()]
        case int():
            number = _number(name, text, known)
            if not known.least <= number <= known.most:
                raise UsageError(f'setting "{name}" cannot be "{text[:40]}"', hint=f"it may be {_range(name, known)}")
            return number
    return text


def _number(name: str, text: str, known: Known) -> int:
    if known.zero and text.strip().lower() == known.zero:
        return 0
    if _is_span(name):
        try:
            return read_minutes(text)
        except UsageError as error:
            raise UsageError(f'setting "{name}" wants a span of time, not "{text[:40]}"', hint=error.hint) from error
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f'setting "{name}" wants a whole number, not "{text[:40]}"')
    return int(text)


def _text(name: str, value: Value, known: Known) -> str:
    if type(value) is bool:
        return "true" if value else "false"
    if value == 0 and known.zero:
        return known.zero
    return shown_minutes(value) if isinstance(value, int) and _is_span(name) else str(value)


def _range(name: str, known: Known) -> str:
    least = "0" if known.least == 0 else _text(name, known.least, known)
    return f"{least} to {_text(name, known.most, known)}"


def _is_span(name: str) -> bool:
    return name.endswith("_min")
