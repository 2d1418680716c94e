"""The types that operations declare for their arguments: does a value from a wire fit, and how a type is told."""

import types
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

INT_MIN, INT_MAX = -(2**63), 2**63 - 1  # what the store holds
PLAIN = {
    str: "a text",
    int: "a whole number of 64 bits",
    bool: "true or false",
    float: "a number",
    types.NoneType: "null",
}


def fits(value: Any, hint: Any) -> bool:
    """Tell whether a value that came over a wire has the type an operation declares."""
    if hint is Any:
        return True
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, each) for each in get_args(hint))
    if origin is list:
        return isinstance(value, list) and all(fits(each, get_args(hint)[0]) for each in value)
    if is_typeddict(hint):
        return isinstance(value, dict) and _has_fields(value, hint)
    if origin is dict:
        of_key, of_value = get_args(hint)
        return isinstance(value, dict) and all(fits(k, of_key) and fits(v, of_value) for k, v in value.items())
    if hint is float:
        return type(value) in (int, float)
    if hint is int:
        return type(value) is int and INT_MIN <= value <= INT_MAX
    return type(value) is hint  # not isinstance: True is no number


def _has_fields(value: dict[Any, Any], hint: Any) -> bool:
    known = get_type_hints(hint)
    return hint.__required_keys__ <= value.keys() and all(
        name in known and fits(each, known[name]) for name, each in value.items()
    )


def told(hint: Any) -> str:
    """Return a type in words."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(told(each) for each in get_args(hint))
    if origin is list:
        return f"a list, each {told(get_args(hint)[0])}"
    if is_typeddict(hint):
        fields = [name if name in hint.__required_keys__ else f"perhaps {name}" for name in get_type_hints(hint)]
        return f"a map of {', '.join(fields)}"
    if origin is dict:
        return f"a map, each {told(get_args(hint)[1])}"
    return PLAIN.get(hint, "any value")
