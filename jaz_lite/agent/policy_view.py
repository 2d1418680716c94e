"""The policy of an agent as people see it: what is in force, who says so, and what deserves a second thought."""

import os
from pathlib import Path
from typing import Any

from jaz_lite.agent.policy import SETTINGS, Policy, default_of, meaning_of
from jaz_lite.agent.policy_file import read_policy


def effective(folder: Path) -> dict[str, Any]:
    """Return `{"settings": [{"name", "value", "default", "origin", "meaning"}], "warnings": [...]}` of an agent.

    Args:
        folder: its data directory.

    Raises:
        DefinitionError: a file of the policy is wrong.
    """
    found = read_policy(folder)
    rows = [
        {
            "name": name,
            "value": _plain(getattr(found.policy, name)),
            "default": _plain(default_of(name)),
            "origin": found.origins[name],
            "meaning": meaning_of(name),
        }
        for name in SETTINGS
    ]
    return {"settings": rows, "warnings": [*found.warnings, *root_warnings(found.policy)]}


def root_warnings(policy: Policy) -> list[str]:
    """Return what an administrator should know whose agent runs as root."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or policy.default_user:
        return []
    return ["this agent runs as root, and so do jobs that name no user; default_user in agent.toml names one for them"]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
