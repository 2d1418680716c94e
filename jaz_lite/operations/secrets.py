"""Secrets in definitions: plain on their way in, sealed in the store, and out only for who asks for them.

Documents travel plain only over the local socket and inside a process. There a plain secret carries a mark, wherever in
the document it stands (what Job Arranger's exports hold is kept beside the parameters), so that nobody has to know all
the places. In the store a secret is known by being sealed: the seal is verified, so no other text can be taken for one.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from jaz_lite.errors import StoreDamaged
from jaz_lite.icons import REGISTRY
from jaz_lite.store.keys import Keys, is_sealed

MASK = "******"
PLAIN_MARK = "\0plain:"  # no file format that people write can hold a NUL


def marked(plain: str) -> str:
    """Return a plain secret with the mark; the empty one stays empty."""
    return PLAIN_MARK + plain if plain else plain


def unmarked(text: str) -> str:
    """Return a plain secret without the mark."""
    return text.removeprefix(PLAIN_MARK)


@cache
def secret_params(icon_type: str) -> frozenset[str]:
    """Return the names of the parameters of an icon type that are secret."""
    module = REGISTRY.get(icon_type)
    if module is None:
        return frozenset()
    return frozenset(field.name for field in fields(module.Params) if field.metadata.get("secret"))


def seal_all(document: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """Return a copy in which every marked text, and every secret field that is not sealed, is sealed.

    The document need not be valid: what does not look like an icon is left alone, its reader will complain about it.
    """

    def text(value: str) -> str:
        return keys.seal(unmarked(value).encode()) if value.startswith(PLAIN_MARK) else value

    def secret(value: Any) -> Any:
        return keys.seal(value.encode()) if isinstance(value, str) and value and _plain(value, keys) is None else value

    result: dict[str, Any] = _texts_changed(document, text)
    icons = result.get("icons")
    for icon in icons if isinstance(icons, list) else ():
        if isinstance(icon, dict):
            if "run_user_password" in icon:
                icon["run_user_password"] = secret(icon["run_user_password"])
            params, icon_type = icon.get("params"), icon.get("type")
            if isinstance(params, dict) and isinstance(icon_type, str):
                params |= {name: secret(params[name]) for name in secret_params(icon_type) & params.keys()}
    return result


def unseal_all(document: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """Return a copy in which every sealed text is plain, with the mark."""

    def text(value: str) -> str:
        plain = _plain(value, keys)
        return value if plain is None else marked(plain)

    result: dict[str, Any] = _texts_changed(document, text)
    return result


def masked(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy to show to people."""
    result: dict[str, Any] = _texts_changed(document, lambda value: MASK if is_sealed(value) else value)
    return result


def _plain(value: str, keys: Keys) -> str | None:
    """Return what a sealed text holds, or None where it is not one of ours."""
    if not is_sealed(value):
        return None
    try:
        return keys.unseal(value).decode()
    except (StoreDamaged, UnicodeDecodeError):
        return None


def _texts_changed(value: Any, change: Callable[[str], str]) -> Any:
    """Return a deep copy with every text changed; tuples become lists."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _texts_changed(inner, change) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_texts_changed(inner, change) for inner in value]
    return value
