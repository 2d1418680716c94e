"""Work orders: the `spec` of a dispatch, packed apart because it is stored and sent again byte for byte.

Kinds without a table here are passed on with the general limits. Source: protocol.md section 5.3, except that a
script may be as long as the whole spec: what is too long for a frame travels as a blob.
"""

from collections.abc import Mapping
from typing import Any

from jaz_lite.errors import LocalProtocolError
from jaz_lite.wire import limits
from jaz_lite.wire.fields import U16, U32, U64
from jaz_lite.wire.frames import Violation, check_plain, pack, unpack
from jaz_lite.wire.schema import (
    Field,
    Validator,
    binary,
    compile_fields,
    listing,
    map_of,
    one_of,
    optional,
    text,
    text_or_binary,
    truth,
    whole,
)

ENV_NAME_BYTES_MAX = 128

_SCRIPT = text_or_binary(limits.SPEC_BYTES_MAX)

SPEC_FIELDS: Mapping[str, Mapping[str, Field]] = {
    "cmd": {
        "argv": optional(listing(text(limits.ARGV_ITEM_BYTES_MAX), limits.ARGV_ITEMS_MAX, 1)),
        "script": optional(_SCRIPT),
        "shell": optional(text(256)),
        "env": optional(
            map_of(text_or_binary(limits.ENV_VALUE_BYTES_MAX), limits.ENV_ENTRIES_MAX, key_bytes_max=ENV_NAME_BYTES_MAX)
        ),
        "secret": optional(listing(text(ENV_NAME_BYTES_MAX), limits.ENV_ENTRIES_MAX)),
        "cwd": optional(text(1024)),
        "user": optional(text(64)),
        "cred": optional(text(64)),
        "umask": optional(U16),
        "stdin": optional(binary(limits.CHUNK_BYTES_MAX, 0)),
        "enc": optional(text(16)),
        "timeout": optional(U32),
        "timeout_act": optional(one_of("warn", "kill", "stop")),
        "grace": optional(U32),
        "out_max": optional(U64),
        "nice": optional(whole(-20, 19)),
        "head": optional(whole(0, limits.OUTPUT_HEAD_BYTES_MAX)),
        "stop": optional(_SCRIPT),
    },
    "fwait": {
        "path": text(4096, 1),
        "mode": one_of("exist", "absent", "stable"),
        "once": optional(truth()),  # look, and do not wait
        "glob": optional(truth()),  # the name may hold wildcards
        "stable_s": optional(U32),
        "timeout": optional(U32),
        "delete": optional(truth()),
        "enc": optional(text(16)),  # of file names on the host
    },
    "fput": {
        "source": text(limits.FILE_PATH_BYTES_MAX, 1),  # the host that has the files
        "from": text(limits.FILE_PATH_BYTES_MAX, 1),
        "pattern": text(limits.FILE_PATH_BYTES_MAX, 1),
        "folder": text(limits.FILE_PATH_BYTES_MAX, 1),
        "overwrite": optional(truth()),
    },
    "reboot": {
        "wait": truth(),  # for the jobs that run
        "wait_s": optional(U32),  # then they are killed
        "timeout": optional(U32),
        "head": optional(whole(0, limits.OUTPUT_HEAD_BYTES_MAX)),
    },
    "test": {},
}

_VALIDATORS: Mapping[str, Validator] = {kind: compile_fields(kind, table) for kind, table in SPEC_FIELDS.items()}


def pack_spec(kind: str, spec: Mapping[str, Any]) -> bytes:
    """Return the bytes of a work order.

    Raises:
        LocalProtocolError: an agent would not accept it; the sentence says why.
    """
    data = pack(dict(spec))
    try:
        unpack_spec(kind, data)
    except Violation as error:
        raise LocalProtocolError(f"work order of kind {kind}: {error.message}") from error
    return data


def unpack_spec(kind: str, data: bytes) -> dict[str, Any]:
    """Return the checked fields of a work order.

    Raises:
        Violation: it breaks the limits, or the table of its kind.
    """
    if len(data) > limits.SPEC_BYTES_MAX:
        raise Violation("limit", f"a spec of more than {limits.SPEC_BYTES_MAX} bytes")
    value = unpack(data, map_entries_max=limits.SPEC_MAP_ENTRIES_MAX)
    if type(value) is not dict:
        raise Violation("schema", "a spec must be a map")
    validate = _VALIDATORS.get(kind)
    if validate is None:
        check_plain(value, 1)
        return value
    validate(value)
    if kind == "cmd":
        _check_command(value)
    return value


def _check_command(spec: Mapping[str, Any]) -> None:
    if (spec.get("argv") is None) == (spec.get("script") is None):
        raise Violation("schema", "a command needs either argv or script")
    env = spec.get("env") or {}
    if sum(len(name) + len(value) for name, value in env.items()) > limits.ENV_BYTES_MAX:
        raise Violation("limit", f"an environment of more than {limits.ENV_BYTES_MAX} characters")
