"""From the work order of a dispatch to the order for the keeper: what is executed, with which environment, as whom.

Pure. Source: protocol.md 5.3, decisions.md "Shell" and "Environment".
"""

import re
from collections.abc import Mapping
from typing import Any

from jaz_lite.agent.policy import Policy

TEXT_BYTES_MAX_INLINE = 100 * 1024  # a longer text does not fit into one argument of exec on every system
KEEPER_KINDS = frozenset(("cmd", "test", "reboot"))  # done by processes that the job keeper starts
OWN_LIMITS: Mapping[str, int] = {"fwait": 1_000, "fput": 4}  # done by the agent's own process; so many at once

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")

Order = dict[str, Any]


class NotStartable(Exception):
    """The work can never be started as asked; `why` is a word, the message a sentence."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


def job_order(kind: str, spec: Mapping[str, Any], *, policy: Policy, out: str, err: str, text_path: str) -> Order:
    """Return the order to start the job of a work order.

    Args:
        out, err: paths of the output files. text_path: where a text that is executed as a file is put.

    Raises:
        NotStartable: the policy forbids it, or it can be executed nowhere.
    """
    if kind == "test":
        argv = [policy.shell, "/d", "/c", "exit 0"] if _is_cmd(policy.shell) else ["/bin/sh", "-c", "true"]
        return {"argv": argv, "env": {}, "out": out, "err": err}
    if kind == "reboot":
        return {"argv": list(policy.reboot_command), "env": {}, "out": out, "err": err}
    order = _frame(spec, policy, out, err)
    if spec.get("argv") is not None:
        order["argv"] = [_sound(item, "an argument") for item in spec["argv"]]
        return order
    return _with_text(order, spec["script"], spec, policy, text_path)


def stop_order(spec: Mapping[str, Any], *, policy: Policy, out: str, err: str, text_path: str) -> Order:
    """Return the order to start the stop command of a work order, with the environment of its job.

    Raises:
        NotStartable: as for the job.
    """
    return _with_text(_frame(spec, policy, out, err), spec["stop"], spec, policy, text_path)


def _frame(spec: Mapping[str, Any], policy: Policy, out: str, err: str) -> Order:
    order: Order = {
        "env": {_name(name): _sound(value, f"variable {name}") for name, value in (spec.get("env") or {}).items()},
        "out": out,
        "err": err,
    }
    if spec.get("cred"):
        # To pass over it would run the job as somebody else.
        raise NotStartable(
            "user", f'the job names the credential "{spec["cred"]}", and this build starts no job by one'
        )
    if user := _user(spec, policy):
        order["user"], order["deny_root"] = user, policy.deny_root
    for name in ("cwd", "umask", "nice"):
        if spec.get(name) is not None:
            order[name] = spec[name]
    if spec.get("stdin"):
        order["stdin"] = _text(spec["stdin"])
    if policy.unsigned_exit_codes:
        order["unsigned"] = True
    return order


def _user(spec: Mapping[str, Any], policy: Policy) -> str:
    """Return the user that a job runs as, "" for the agent's own; what is behind the name, only the keeper can tell."""
    user = str(spec.get("user") or "")
    if not user or user == policy.default_user:
        return policy.default_user
    if policy.deny_root and (user == "root" or (user.isdigit() and int(user) == 0)):
        raise NotStartable("user", f'the policy of this agent lets no job ask for user "{user}" (deny_root)')
    if policy.allow_users and user not in policy.allow_users:
        raise NotStartable("user", f'the policy of this agent does not let jobs run as user "{user}" (allow_users)')
    return user


def _with_text(order: Order, script: "str | bytes", spec: Mapping[str, Any], policy: Policy, text_path: str) -> Order:
    raw = script.encode() if isinstance(script, str) else script
    raw = raw.replace(b"\r", b"")
    text = _sound(raw, "the job text")
    shell = spec.get("shell") or policy.shell
    if _is_cmd(shell):
        order["text"], order["text_path"] = text, text_path + ".cmd"
        order["exact"] = isinstance(script, bytes)
        order["argv"] = [shell, order["text_path"]]
        return order
    if not raw.startswith(b"#!") and len(raw) <= TEXT_BYTES_MAX_INLINE:
        order["argv"] = [shell, "-c", text]
        return order
    order["text"], order["text_path"] = text, text_path
    order["argv"] = [text_path] if raw.startswith(b"#!") else [shell, text_path]
    return order


def _is_cmd(shell: str) -> bool:
    """Tell whether a shell is the one of Windows, whose texts are batch files."""
    return re.split(r"[\\/]", shell)[-1].lower() in ("cmd", "cmd.exe")


def _name(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        # Some shells execute what stands in variables with other names (exported functions).
        raise NotStartable("env", f"a variable cannot be named {name!r}")
    return name


def _sound(value: "str | bytes", what: str) -> str:
    text = _text(value)
    if "\0" in text:
        raise NotStartable("text", f"{what} holds a NUL, which no process can be given")
    return text


def _text(value: "str | bytes") -> str:
    """Return text in which bytes that are not UTF-8 stand as lone surrogates, as the keeper wants it."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
