"""Definitions to plain maps and back: what is stored, sent, and typed by people.

A plain map holds dicts with text keys, lists, text, numbers, booleans and None, so that msgpack, JSON and YAML can
carry it. It names every field, so that a later default cannot change what was saved; only an empty `jaz` is left out.

Reading is strict (the text "5" is no number, a field nobody knows is an error) and complete: every problem is found
in one pass and named by its path, `icons[2].x`. What the values *mean* is checked elsewhere (`engine.check`).
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin

from cattrs import Converter, transform_error
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn

from jaz_lite.errors import DefinitionError
from jaz_lite.model.calendar import Calendar, Filter
from jaz_lite.model.jobnet import Jobnet
from jaz_lite.model.problem import Place, Problem
from jaz_lite.model.schedule import Schedule

Definition = Jobnet | Calendar | Filter | Schedule
T = TypeVar("T")

KINDS: Mapping[str, type[Any]] = {"calendar": Calendar, "filter": Filter, "schedule": Schedule, "jobnet": Jobnet}

TOLD_MAX = 20  # problems named in the sentence of the error; all are in `problems`
VALUE_CHARS_SHOWN_MAX = 60


class BadDocumentError(DefinitionError):
    """A document has the wrong shape. `problems` names each fault with its path as the field of its place."""

    def __init__(self, what: str, problems: list[Problem]) -> None:
        told = "; ".join(f"{p.place.field}: {p.message}" for p in problems[:TOLD_MAX])
        more = f"; and {len(problems) - TOLD_MAX} more" if len(problems) > TOLD_MAX else ""
        super().__init__(f"{what}: {told}{more}", hint=problems[0].hint if problems else "")
        self.problems = tuple(problems)


def kind_of(definition: Definition) -> str:
    """Return "calendar", "filter", "schedule" or "jobnet"."""
    return next(kind for kind, cls in KINDS.items() if isinstance(definition, cls))


def id_of(definition: Definition) -> str:
    """Return the id of the object a definition is a version of."""
    return str(getattr(definition, f"{kind_of(definition)}_id"))


def to_plain(thing: Any) -> Any:
    """Return `thing`, a dataclass or a value inside one, as a plain map."""
    if isinstance(thing, str | int | float | bytes) or thing is None:
        return thing
    if is_dataclass(thing):
        plain = {field.name: to_plain(getattr(thing, field.name)) for field in fields(thing)}
        if not plain.get("jaz", True):
            del plain["jaz"]
        return plain
    if isinstance(thing, Mapping):
        return {key: to_plain(value) for key, value in thing.items()}
    return [to_plain(value) for value in thing]


def from_plain(kind: str, document: Mapping[str, Any]) -> Definition:
    """Return the definition a plain map holds.

    Raises:
        DefinitionError: a `BadDocumentError` that lists every problem with its path.
    """
    cls = KINDS.get(kind)
    if cls is None:
        raise DefinitionError(f'"{kind}" is no kind of definition', hint=f"the kinds are {', '.join(KINDS)}")
    object_id = document.get(f"{kind}_id") if isinstance(document, Mapping) else None
    version = document.get("version") if isinstance(document, Mapping) else None
    place = Place(kind=kind, object_id=_shown(object_id), version=_shown(version))
    found: Definition = structured(cls, document, place)
    return found


def structured(cls: type[T], plain: Any, place: Place) -> T:
    """Return `plain` as a `cls`: a definition, or the Params of an icon type.

    Args:
        place: of the object, for the problems; its field, where set, is put before the paths.

    Raises:
        DefinitionError: a `BadDocumentError` that lists every problem with its path.
    """
    try:
        return _CONVERTER.structure(plain, cls)
    except Exception as fault:  # cattrs wraps whatever a hook raised
        told = transform_error(fault, path="", format_exception=_sentence)
        raise BadDocumentError(str(place), [_problem(place, *_split(line)) for line in told]) from None


def _problem(place: Place, path: str, message: str) -> Problem:
    field = ".".join(part for part in (place.field, path.lstrip(".")) if part)
    return Problem(
        Place(
            file=place.file,
            kind=place.kind,
            object_id=place.object_id,
            version=place.version,
            icon_id=place.icon_id,
            field=field or "document",
        ),
        message,
    )


def _split(line: str) -> tuple[str, str]:
    """Take a line of cattrs, "sentence @ path", apart."""
    message, _, path = line.rpartition(" @ ")
    return (path, message) if message else ("", path)


def _sentence(fault: BaseException, _: type | None) -> str:
    """Say what is wrong in a fault of cattrs or of our hooks."""
    if isinstance(fault, KeyError):
        return "is missing"
    if isinstance(fault, ForbiddenExtraKeysError):
        return f"has no field {', '.join(sorted(map(str, fault.extra_fields)))}"
    return str(fault)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else repr(value)
    return text if len(text) <= VALUE_CHARS_SHOWN_MAX else text[:VALUE_CHARS_SHOWN_MAX] + "…"


def _described(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    return f'the text "{_shown(value)}"' if isinstance(value, str) else _shown(value)


# ---- the hooks: nothing is turned into something else on the way


Hook = Callable[[Any, Any], Any]


def _only(kind: type[Any], name: str) -> Hook:
    def hook(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(f"is {_described(value)}, not {name}")
        return value

    return hook


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"is {_described(value)}, not a number")
    return float(value)


def _optional(cls: Any) -> Hook:
    inner = next(arm for arm in get_args(cls) if arm is not type(None))

    def hook(value: Any, _: Any) -> Any:
        return None if value is None else _CONVERTER.structure(value, inner)

    return hook


def _is_optional(cls: Any) -> bool:
    arms = get_args(cls)
    return len(arms) == 2 and type(None) in arms


def _choice(cls: Any) -> Hook:
    values = get_args(cls)

    def hook(value: Any, _: Any) -> Any:
        if value not in values or isinstance(value, bool):
            raise ValueError(f"is {_described(value)}, not one of {', '.join(map(str, values))}")
        return value

    return hook


def _fields(cls: Any, converter: Converter) -> Hook:
    inner = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True)

    def hook(value: Any, wanted: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError(f"is {_described(value)}, not a map")
        return inner(value, wanted)

    return hook


def _origin(cls: Any) -> Any:
    return get_origin(cls)


def _is_list(cls: Any) -> bool:
    return _origin(cls) is tuple


def _list(cls: Any) -> Hook:
    wanted: Any = list[get_args(cls)[0]]  # type: ignore[misc]  # the item type is known only here

    def hook(value: Any, _: Any) -> Any:
        # A text must not be taken letter by letter.
        if not isinstance(value, list | tuple):
            raise ValueError(f"is {_described(value)}, not a list")
        return tuple(_CONVERTER.structure(value, wanted))

    return hook


def _plain_map(value: Any, _: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError(f"is {_described(value)}, not a map")
    _must_be_plain(value)
    return dict(value)


def _must_be_plain(value: Any) -> None:
    """Refuse what msgpack and JSON cannot carry, dates of YAML among it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"has the key {_shown(key)}, which is not text")
            _must_be_plain(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _must_be_plain(inner)
    elif not (value is None or isinstance(value, str | int | float)):
        raise ValueError(f"holds {_shown(value)}, which is neither text nor a number")


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(str, _only(str, "text"))
    converter.register_structure_hook(int, _only(int, "a whole number"))
    converter.register_structure_hook(bool, _only(bool, "true or false"))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook_factory(is_dataclass, lambda cls: _fields(cls, converter))
    converter.register_structure_hook_factory(_is_optional, _optional)
    converter.register_structure_hook_func(lambda cls: _origin(cls) is Mapping, _plain_map)
    converter.register_structure_hook_factory(lambda cls: _origin(cls) is Literal, _choice)
    converter.register_structure_hook_factory(_is_list, _list)
    return converter


_CONVERTER = _converter()
