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
from jaz_lite.store.keys import Keys
from jaz_lite.store.sealing import is_sealed

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


def unmarked_all(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy in which plain secrets bear no mark: as a person writes them."""
    result: dict[str, Any] = _texts_changed(document, unmarked)
    return result


def masked(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy to show to people."""
    result: dict[str, Any] = _texts_changed(document, lambda value: MASK if is_sealed(value) else value)
    return result


def unmasked(document: Mapping[str, Any], stored: Mapping[str, Any] | None) -> tuple[dict[str, Any], list[str]]:
    """Return a copy in which masks that stand for stored secrets are these secrets again, and the paths of all others.

    A mask is taken for one only where the stored document has a secret in the same place (icons are matched by their
    id), or where a secret belongs; elsewhere it is an odd text like any other.

    Args:
        stored: the version that was shown with masks; None: there is none.
    """
    lost: list[str] = []
    whole: dict[str, Any] = _unmasked(document, stored, "", lost, secret=False)
    return whole, lost


def _unmasked(
    value: Any,
    stored: Any,
    path: str,
    lost: list[str],
    *,
    secret: bool,
    secret_keys: frozenset[str] = frozenset(("jaz", "run_user_password")),
) -> Any:
    if isinstance(value, Mapping):
        before = stored if isinstance(stored, Mapping) else {}
        kind = value.get("type")
        of_params = secret_params(kind) if isinstance(kind, str) else frozenset()
        return {
            key: _unmasked(
                each,
                before.get(key),
                f"{path}.{key}" if path else str(key),
                lost,
                secret=secret or key in secret_keys,
                **({"secret_keys": of_params} if key == "params" else {}),
            )
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            _unmasked(each, _same(each, number, stored), f"{path}[{number}]", lost, secret=secret)
            for number, each in enumerate(value)
        ]
    if value != MASK or stored == MASK:
        return value
    if isinstance(stored, str) and is_sealed(stored):
        return stored
    if secret:
        lost.append(path)
    return value


def _same(member: Any, number: int, stored: Any) -> Any:
    """Return the stored member of a list that `member` was: the icon of the same id, else the one in the same place."""
    if not isinstance(stored, list | tuple):
        return None
    if isinstance(member, Mapping) and "icon_id" in member:
        same = (each for each in stored if isinstance(each, Mapping) and each.get("icon_id") == member["icon_id"])
        return next(same, None)
    return stored[number] if number < len(stored) else None


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
