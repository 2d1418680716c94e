"""Work that is kept with a run and belongs to none of its icons: adopted from an earlier active server."""

from datetime import tzinfo
from typing import Any

from jaz_lite.operations.times import shown
from jaz_lite.store.attempts import Attempt
from jaz_lite.store.transaction import Nouns


def kept_of(nouns: Nouns, run_id: int) -> list[Attempt]:
    """Return the attempts of a run that none of its icons has taken, oldest first."""
    return [attempt for attempt in nouns.attempts.of_run(run_id) if attempt.node < 0]


def at_path(attempts: list[Attempt], path: str) -> Attempt | None:
    """Return the newest attempt of an icon path, or None."""
    wanted = "/" + path.strip("/")
    return next((each for each in reversed(attempts) if wanted in (each.key_path, plain_path(each))), None)


def plain_path(attempt: Attempt) -> str:
    """Return the path of an attempt's icon without its passes."""
    return "/".join(part.partition("#")[0] for part in attempt.key_path.split("/"))


def to_json(attempt: Attempt, zone: tzinfo) -> dict[str, Any]:
    """Return an attempt for people and programs."""
    return {
        "path": plain_path(attempt),
        "attempt": attempt.attempt,
        "state": attempt.state,
        "agent": attempt.agent_id,
        "exit_code": attempt.exit_code,
        "started_at": shown(attempt.started_ms, zone),
        "ended_at": shown(attempt.ended_ms, zone),
        "message": attempt.message,
    }
