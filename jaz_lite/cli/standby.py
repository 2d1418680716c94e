"""`jaz-lite standby run|status|invite` and `jaz-lite switchover`: a second server that has everything."""

import sys
from typing import TYPE_CHECKING, Any

import click

from jaz_lite.cli.agent_invite import seconds
from jaz_lite.cli.detach import detach_option, go_on_in_background, tell_ready
from jaz_lite.cli.printing import PassingLine, line, moment, print_json, print_table, say, size_text
from jaz_lite.cli.session import Command, Group, Session, json_option, pass_session
from jaz_lite.cli.up import settings_of, tell

if TYPE_CHECKING:
    from jaz_lite.server.serving import Telling
    from jaz_lite.server.standby import StandbyReady
    from jaz_lite.wire.token import Token


@click.group(cls=Group)
def standby() -> None:
    """A standby keeps a copy of the active server's data current, and can take over."""


@standby.command(cls=Command, example="jaz-lite standby run --from a.example --data /var/lib/jaz-lite")
@click.option(
    "--from", "hosts", multiple=True, metavar="HOST[:PORT]", help="Where the active server is; may be repeated."
)
@click.option("--token", metavar="TOKEN", help="Of `jaz-lite standby invite`, where there is no copy yet.")
@click.option("--listen", metavar="HOST:PORT", help="Where agents will find it one day; else what config.toml says.")
@detach_option
@pass_session
def run(session: Session, hosts: tuple[str, ...], token: str | None, listen: str | None, detach: bool) -> int:
    """Keep a copy of the active server current, in the foreground, until it is stopped or takes over."""
    from pathlib import Path

    from jaz_lite.server.serving import stand_by, take_over

    folder, telling = Path(session.folder), telling_people()
    if detach and (folder.exists() or token is not None):  # else it is refused, and leaves no folder
        return go_on_in_background(session)
    ended = stand_by(
        folder,
        hosts,
        lambda: settings_of(session, {"server.listen": listen}),
        invited(token),
        telling,
        session.verbosity,
    )
    if ended.why == "released":
        telling.sentence("let go of the copy: somebody takes over with it")
    if ended.epoch:
        config = settings_of(session, {"server.listen": listen})
        take_over(folder, ended, config=config, telling=telling, verbosity=session.verbosity)
    return 0


def invited(token: str | None) -> "Token | None":
    """Return the invitation that `standby invite` printed."""
    from jaz_lite.wire.token import STANDBY_PREFIX, parse_token

    return None if token is None else parse_token(token, prefix=STANDBY_PREFIX)


def telling_people() -> "Telling":
    """Return how people are told what goes on: on standard output, at once."""
    from jaz_lite.server.serving import Telling

    def sentence(text: str) -> None:
        line(text)
        sys.stdout.flush()

    passing = PassingLine()

    def progress(done: int, of: int) -> None:
        if done < of:
            passing.show(f"a copy comes: {size_text(done)} of {size_text(of)}")
        else:
            passing.end()

    return Telling(up=tell, standby=_tell, sentence=sentence, progress=progress)


def _tell(ready: "StandbyReady") -> None:
    line(f"standby of {', '.join(ready.follows)}; others of the site find it at {', '.join(ready.listen)}")
    line("it has no copy yet" if ready.lsn is None else f"its copy stands at change {ready.lsn}")
    sys.stdout.flush()
    tell_ready()


@standby.command(cls=Command, example="jaz-lite standby status --json")
@json_option
@pass_session
def status(session: Session, as_json: bool) -> None:
    """Show how far a standby is behind: here, or on the active server those that are connected."""
    told = session.ask("standby.status")
    if as_json:
        print_json(told)
    elif told["state"] == "standby":
        show(told)
    else:
        print_table(
            ("standby", "state", "changes behind", "seconds behind"),
            [(one["who"], one["state"], one["behind_changes"], one["behind_s"]) for one in told["standbys"]],
            empty="no standby is connected",
        )


def show(told: dict[str, Any]) -> None:
    """Print what a standby says of itself, for people."""
    line(f"standby of server {told['server_id']}, epoch {told['epoch']}; it listens on {told['listen']}")
    if told["follows"]:
        behind = told["behind_changes"]
        lag = "it has everything" if not behind else f"it is {behind} changes ({told['behind_s']:.1f} s) behind"
        line(f"it follows {told['follows']}: {lag}")
    line("its copy holds everything up to " + (moment(told["recovery_point_at"]) or "nothing yet"))
    for notice in told["notices"]:
        say(notice)


@standby.command(cls=Command, example="jaz-lite standby invite --ttl 1h")
@click.option(
    "--ttl", "ttl_s", callback=seconds, metavar="TIME", default="1h", show_default=True, help="How long it is good."
)
@click.option("--address", "addresses", multiple=True, metavar="HOST:PORT", help="Where the standby finds this server.")
@json_option
@pass_session
def invite(session: Session, ttl_s: int, addresses: tuple[str, ...], as_json: bool) -> None:
    """Make a token with which one machine may fetch its first copy. Whoever has it gets everything: keep it secret."""
    answer = session.ask("standby.invite", ttl_s=ttl_s, addresses=list(addresses))
    if as_json:
        print_json(answer)
        return
    line(answer["token"])
    for warning in answer["warnings"]:
        say(warning)
    say("on the other machine: jaz-lite standby run --token TOKEN")


@click.command(cls=Command, example="jaz-lite switchover b.example")
@click.argument("host", metavar="[HOST]", required=False, default="")
@json_option
@pass_session
def switchover(session: Session, host: str, as_json: bool) -> None:
    """Hand the site over to a standby that follows; nothing is lost, and running jobs go on. This server ends."""
    with session.stream("server.switchover", to=host) as answers:
        for sentence in answers:
            say(sentence)
        told = answers.value
    if as_json:
        print_json(told)
    else:
        line(f"the standby at {told['to']} is the server now; it has everything")
