"""`python -m docs.generate`: write the pages that are read from the program. `tests/test_docs.py` keeps them current."""

import dataclasses
import inspect
import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
HEAD = """# Icon types

Written from the program by `make docs`; do not edit. The number is JAZ's code; a type without one is ours alone, and an
export to JAZ leaves its jobnets out.
"""
SOURCE = re.compile(r"^Source:.*", re.MULTILINE | re.DOTALL)  # always last; for those who read the code
FIELD = re.compile(r"^\s+(?P<name>\w+):[^#]*?(?:#\s*(?P<note>.*))?$")


def icon_types() -> str:
    """Return the page of all icon types with their settings."""
    from jaz_lite.icons import REGISTRY

    return "\n".join([HEAD, *(icon_type(kind) for kind in REGISTRY.values())])


def icon_type(kind: Any) -> str:
    """Return the section of one icon type."""
    number = "" if kind.jaz_code is None else f" ({kind.jaz_code})"
    purpose, _, more = (inspect.getdoc(kind) or "").partition("\n\n")
    text = SOURCE.sub("", more).strip()
    parts = [f"## {kind.name}{number}\n", " ".join(purpose.split()) + "\n"]
    if text:
        parts.append(text + "\n")
    return "\n".join([*parts, _settings(kind.Params)])


def _settings(params: Any) -> str:
    fields = dataclasses.fields(params)
    if not fields:
        return "No settings.\n"
    notes = _notes(params)
    rows = ["| setting | default | |", "| --- | --- | --- |"]
    rows += [f"| `{one.name}` | {_default(one)} | {notes.get(one.name, '')} |" for one in fields]
    return "\n".join(rows) + "\n"


def _default(one: "dataclasses.Field[Any]") -> str:
    if one.default is not dataclasses.MISSING:
        return "" if one.default in (None, "", ()) else f"`{one.default}`"
    return "" if one.default_factory is not dataclasses.MISSING else "required"


def _notes(params: Any) -> dict[str, str]:
    """Return the comment beside each field: it is the description that authors of icon types write."""
    notes = {}
    for line in inspect.getsource(params).splitlines():
        if match := FIELD.match(line):
            notes[match["name"]] = (match["note"] or "").replace("|", "\\|")
    return notes


POLICY_HEAD = """# What a machine allows its agent

Each machine decides for itself what may be done on it. Its administrator says so in `agent.toml` in the agent's data
directory; the server cannot change it, and nothing a server asks for goes beyond it. Enrolment writes the file with
every setting explained and none set. The agent reads it when it starts.

```console
$ jaz-lite agent policy --data site/agent
shell
allow_users
$ jaz-lite agent policy --data site/agent --json
"settings"
```

prints what is in force, and where each value comes from: `default`, `agent.toml`, or, for the agent of `jaz-lite up`,
`up.toml`, which the server writes from its own `config.toml` at every start; `agent.toml` goes before it. A name that no
setting has is passed over with a warning that names the nearest one. A wrong value keeps the agent from starting, and
one sentence names the file, the setting and what is expected.

A file for a machine where only two accounts may be used, and nothing but one folder may be copied:

```toml
allow_users = ["batch", "report"]
default_user = "batch"
file_roots = ["/srv/exchange"]
kinds = ["cmd", "test", "fget", "fput"]
```

## Settings

Written from the program by `make docs`, as the whole page is; do not edit.

| setting | default | |
| --- | --- | --- |
"""
POLICY_TAIL = """
## Who a job runs as

1. The user that the definition names, if `allow_users` is empty or has it in it.
2. Else `default_user` (JAZ: `JaCommandUser`). It needs no place in `allow_users`.
3. Else the user that the agent runs as. Where that is root, the agent warns of it when it starts: jobs that name no user
   run as root then, as they do in JAZ with `AllowRoot=1`. `default_user` is the remedy.

With `deny_root`, which is on unless you say otherwise, no job may *ask* for root: neither by that name, nor as number,
nor by another account with the number 0. It does not touch 3.

Only an agent that runs as root can start jobs as others. It needs no password: groups, group and user are switched to
those of the user database, `HOME`, `USER`, `LOGNAME` and `SHELL` are set, and the job begins in its user's home, or in `/`
where that cannot be entered. Output files are opened before the switch, so the job needs no access to the agent's
directory; a job text that has to be a file is readable by that user and nobody else. An agent that is not root answers
such a job with `the agent runs as "x" and cannot start jobs as "y"`.

On Windows a switch needs a password. `jaz-lite agent credential add NAME --user USER` stores it on the agent's machine,
sealed by the system, and definitions name it; on other systems the command says that it is only for Windows. This build
stores credentials and does not yet start jobs by them: such a job fails and says so.

## The data directory

Whoever can write in the agent's data directory, or put another one in its place, can run anything. The agent refuses to
start when the directory or one of the folders above it can be written by others. Folders like `/tmp`, where nobody may
rename what belongs to others, and groups that have only their owner in them are fine. The sentence names the folder, the
hint the remedy.
"""


def agent_policy() -> str:
    """Return the page of `agent.toml` with all its settings."""
    from jaz_lite.agent.policy import SETTINGS, default_of, meaning_of

    rows = []
    for name in SETTINGS:
        default = default_of(name)
        shown = json.dumps(list(default) if isinstance(default, tuple) else default)
        rows.append(f"| `{name}` | `{shown}` | {meaning_of(name)} |\n")
    return POLICY_HEAD + "".join(rows) + POLICY_TAIL


SETTINGS_HEAD = """# Settings of the site

Written from the program by `make docs`; do not edit. There are two kinds, and each setting is of one of them.

## Settings that change at once

They live in the store of the data directory and are changed with `jaz-lite setting`, while the server runs or while
none does. A change takes effect at once and leaves a line in the journal. Spans are written `90m`, `36h`,
`30d` or `2w`; a bare number is minutes, as in JAZ.

```console
$ jaz-lite setting set keep_output_min 36h
keep_output_min: 36h (set; the default is 14d); it was 14d
$ jaz-lite setting show keep_output_min --json
"value": 2160
"text": "36h"
$ jaz-lite setting reset keep_output_min
keep_output_min: 14d (the default); it was 36h
```

| setting | default | range | |
| --- | --- | --- | --- |
"""

SETTINGS_OF_JAZ = """
| in JAZ | here |
| --- | --- |
| `JOBNET_LOAD_SPAN` | `load_span_min`; JAZ reads it when its server starts |
| `JOBNET_KEEP_SPAN` | `keep_runs_min`, by default 30 days where JAZ keeps an hour; 0 means for ever |
| `JOBLOG_KEEP_SPAN` | `keep_results_min` |
| `JOBNET_VIEW_SPAN` | not needed: `jaz-lite run list --since 1h` |

## Settings that are read at the start

They stand in `config.toml` of the data directory, since a server needs them before its store is open: where it listens,
the zone of the site. They are changed in an editor and are read when the server starts; some can be given to
`jaz-lite up` instead. `jaz-lite setting` does not know them.

| setting | default | |
| --- | --- | --- |
"""

SETTINGS_TAIL = """
`jaz-lite config show` lists all settings of both kinds with where each value comes from: a default, `config.toml`, the
command line, or the store.

```console
$ jaz-lite config show
server.listen
keep_runs_min
```
"""


def settings() -> str:
    """Return the page of the settings of a site."""
    from jaz_lite.config import SETTINGS
    from jaz_lite.operations.settings import setting_shown
    from jaz_lite.store.settings import KNOWN, Setting

    of_store = []
    for name, known in sorted(KNOWN.items()):
        one = setting_shown(Setting(name=name, value=known.default, known=known, origin="default"))
        of_store.append(f"| `{name}` | `{one['default_text']}` | {one['range']} | {one['meaning']} |\n")
    of_file = [f"| `{one.name}` | `{json.dumps(one.default)}` | {one.meaning} |\n" for one in SETTINGS]
    return SETTINGS_HEAD + "".join(of_store) + SETTINGS_OF_JAZ + "".join(of_file) + SETTINGS_TAIL


PAGES = {"icon-types.md": icon_types, "agent-policy.md": agent_policy, "settings.md": settings}


def main() -> None:
    """Write all generated pages."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
