"""A run shown live: icon states and job output as they come; the server may be restarted meanwhile."""

import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from jaz_lite.cli.printing import clean, say
from jaz_lite.cli.session import Session
from jaz_lite.errors import TimeLimitReached, Unreachable
from jaz_lite.model.encoding import UTF_8, Decoder

RETURN_SECONDS_MAX = 30.0  # how long a server may be away before the command gives up
RETRY_SECONDS = 0.3
DONE = ("ended", "run_error", "end_error")


def watched(
    session: Session,
    run_id: str,
    *,
    news: bool,
    to_stderr: bool = False,
    timeout_s: float | None = None,
    until: str = "settled",
    path: str | None = None,
    screen: "Screen | None" = None,
) -> dict[str, Any]:
    """Return the run when it is over (or, until "settled", waits in error), showing its news if asked.

    Raises:
        TimeLimitReached: `timeout_s` passed; the run goes on.
        Unreachable: the server went away and did not come back.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    screen = screen or Screen(sys.stderr if to_stderr else sys.stdout)
    away_since: float | None = None
    while True:
        screen.come_back()
        try:
            stream = session.stream("run.follow", run=run_id, until=until, quiet=not news, path=path)
        except Unreachable:
            away_since = _patience(away_since, deadline, run_id)
            continue
        with stream:
            try:
                while True:
                    message = stream.next_message(_left(deadline, run_id))
                    if message is None:
                        raise _too_late(run_id)
                    if "item" in message:
                        away_since = None
                        _show(screen, message["item"], news)
                        continue
                    stream.finish(message)
                    break
            except Unreachable:
                away_since = _patience(away_since, deadline, run_id)
                continue
        screen.finish()
        found: dict[str, Any] = stream.value
        return found


def _left(deadline: float | None, run_id: str) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise _too_late(run_id)
    return left


def _too_late(run_id: str) -> TimeLimitReached:
    return TimeLimitReached(
        f"run {run_id} is not over yet; it goes on", hint=f"`jaz-lite run show {run_id}` tells how far it is"
    )


def _patience(away_since: float | None, deadline: float | None, run_id: str) -> float:
    """Wait a moment for a server that went away; the run is in its store and goes on when it is back."""
    now = time.monotonic()
    if away_since is None:
        say("the server went away; waiting for it")
        away_since = now
    if now - away_since > RETURN_SECONDS_MAX:
        raise Unreachable(
            f"the server went away while run {run_id} was going on",
            hint="start it again: jaz-lite up; the run goes on by itself",
        )
    left = _left(deadline, run_id)
    time.sleep(RETRY_SECONDS if left is None else min(RETRY_SECONDS, left))
    return away_since


def _show(screen: "Screen", item: Mapping[str, Any], news: bool) -> None:
    if news:
        screen.show(item)
    elif item.get("doubt"):
        say(f"{item['path']}: its fate is not known ({item['doubt']['reason']}); `jaz-lite run decide` ends the doubt")


class Screen:
    """Prints the news of a run, a line each. What was shown before a reconnection is not shown again."""

    def __init__(self, target: TextIO) -> None:
        self._target = target
        self._states: dict[str, tuple[Any, ...]] = {}
        self._copies: dict[str, tuple[Any, ...]] = {}
        self._lines: dict[tuple[str, int], str] = {}
        self._decoders: dict[tuple[str, int], Decoder] = {}
        self._offsets: dict[tuple[str, int], int] = {}
        self._chars: dict[tuple[str, int], int] = {}  # shown of a stream
        self._early: dict[tuple[str, int], int] = {}  # of those, shown before their bytes came
        self._seen: dict[tuple[str, int], int] = {}  # while old news come again: up to where they were shown

    def show(self, item: Mapping[str, Any]) -> None:
        """Print one piece of news."""
        match item.get("kind"):
            case "icon":
                self._icon(item)
            case "run":
                self._run(item)
            case "output":
                self._output(item)
            case "copy":
                self._copy(item)
            case "gap":
                self._write("… some news were lost: this terminal is slower than the run")
            case _:
                pass  # facts say in other words what the states say

    def _icon(self, item: Mapping[str, Any]) -> None:
        path = str(item["path"])
        doubt = item.get("doubt")
        state = (item["state"], item.get("pass"), item.get("attempt"), item.get("method"), bool(doubt))
        before = self._states.get(path)
        if before == state or (item["state"] == "waiting" and before is None):
            return
        self._states[path] = state
        if before is not None and before[1:3] != state[1:3]:
            self._forget_output(path)
        if item["state"] in DONE:
            self._rest_of_output(path, item)
        words = [str(item["state"])]
        if item.get("method") == "hold" and item["state"] in ("waiting", "ready"):
            words.append("(held)")
        if item.get("pass", 1) > 1:
            words.append(f"pass {item['pass']}")
        if item.get("attempt", 1) > 1:
            words.append(f"attempt {item['attempt']}")
        if item.get("exit_code") is not None and item["state"] in ("ended", "run_error"):
            words.append(f"exit code {item['exit_code']}")
        if doubt:
            words.append(f"in doubt: {doubt['reason']}")
        message = f": {item['message']}" if item.get("message") else ""
        at = item.get("ended_at") or item.get("started_at") or ""
        self._write(f"{at[11:19]:8} {path}  {item.get('type', '')}  {' '.join(words)}{message}")

    def _copy(self, item: Mapping[str, Any]) -> None:
        """Show how far a file copy is, in steps that are worth a line."""
        tenths = int(10 * item["bytes_done"] / item["bytes"]) if item["bytes"] else 0
        state = (item.get("attempt"), tenths)
        if self._copies.get(str(item["path"]), (item.get("attempt"), 0)) != state:
            self._copies[str(item["path"])] = state
            self._write(f"         {item['path']}  {item['text']}")

    def _forget_output(self, path: str) -> None:
        """Another attempt begins: its output starts anew."""
        for stream in (1, 2):
            for memory in (self._offsets, self._seen, self._decoders, self._lines, self._chars, self._early):
                memory.pop((path, stream), None)

    def _rest_of_output(self, path: str, item: Mapping[str, Any]) -> None:
        """Show what an icon wrote and what did not come piece by piece before its end was told."""
        for stream, name in ((1, "std_out"), (2, "std_err")):
            key = (path, stream)
            rest = str(item.get(name) or "")[self._chars.get(key, 0) :]
            if rest and key not in self._seen:
                self._text(key, rest)
                self._early[key] = len(rest)  # the pieces may still come
        self._flush(path)

    def _run(self, item: Mapping[str, Any]) -> None:
        state = (item["state"], item.get("load_status"))
        if self._states.get("") == state:
            return
        self._states[""] = state
        at = item.get("ended_at") or item.get("started_at") or ""
        message = f"  {item['message']}" if item.get("message") else ""
        self._write(f"{at[11:19]:8} run {item['run_id']}  {item['jobnet_id']}  {item['state']}{message}")

    def come_back(self) -> None:
        """Get ready for being told again what was shown already."""
        self._seen = dict(self._offsets)

    def _output(self, item: Mapping[str, Any]) -> None:
        key = (str(item["path"]), int(item["stream"]))
        data, offset = item["data"], int(item.get("offset", 0))
        if key in self._seen:
            data = data[max(0, self._seen[key] - offset) :]
            if not data:
                return
            del self._seen[key]
        elif offset == 0 and not self._early.get(key):
            self._decoders.pop(key, None)  # a new attempt begins again
            self._chars.pop(key, None)
        self._offsets[key] = offset + len(item["data"])
        decoder = self._decoders.get(key)
        if decoder is None:
            decoder = self._decoders[key] = Decoder(str(item.get("encoding") or UTF_8))
        text = decoder.decode(data)
        early = min(self._early.get(key, 0), len(text))
        if early:
            self._early[key] -= early
        self._text(key, text[early:])

    def _text(self, key: tuple[str, int], text: str) -> None:
        """Show text of a stream, line by line."""
        self._chars[key] = self._chars.get(key, 0) + len(text)
        *whole, rest = (self._lines.get(key, "") + text).split("\n")
        for each in whole:
            self._write_output(key, each)
        self._lines[key] = rest

    def _write_output(self, key: tuple[str, int], text: str) -> None:
        self._write(f"{'':8} {key[0]} {'|' if key[1] == 1 else '!'} {text.removesuffix(chr(13))}")

    def _flush(self, path: str) -> None:
        for key in ((path, 1), (path, 2)):
            if self._lines.get(key):
                self._write_output(key, self._lines.pop(key))

    def finish(self) -> None:
        """Print what is left of lines that did not end."""
        for path in list(dict.fromkeys(key[0] for key in self._lines)):
            self._flush(path)

    def _write(self, text: str) -> None:
        self._target.write(clean(text) + "\n")
        self._target.flush()
