"""What every command has in common: the data directory, the way to the server or to the directory itself."""

import os
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

import click

from jaz_lite.agent.place import DATA_VARIABLE as AGENT_DATA_VARIABLE
from jaz_lite.agent.place import absolute, data_folder
from jaz_lite.errors import AlreadyRunning
from jaz_lite.net.local_client import NotRunning, Stream

DATA_VARIABLE = "JAZ_LITE_DATA"
READY_VARIABLE = "JAZ_LITE_READY_FD"  # the descriptor to write to when a server in the background is up

STARTS_WITHIN_S = 3.0
LOOKS_AGAIN_S = 0.05

C = TypeVar("C", bound=click.Command)


class Session:
    """The common options of one call, and the requests it makes."""

    def __init__(self) -> None:
        self.verbosity = 0
        self.data: str | None = None

    @property
    def folder(self) -> str:
        """The data directory, absolute: --data, else JAZ_LITE_DATA, else the place the system has for such."""
        given = self.data or os.environ.get(DATA_VARIABLE)
        if not given:
            import platformdirs

            given = platformdirs.user_data_dir("jaz-lite", appauthor=False)
        return absolute(given)

    @property
    def agent_folder(self) -> str:
        """The data directory of an agent on this machine: --data, else JAZ_LITE_AGENT_DATA, else the usual place."""
        return data_folder(self.data)

    def ask(self, op: str, **args: Any) -> Any:
        """Return the answer of the running server.

        Raises:
            JazLiteError: what the server says, or that none runs.
        """
        with Stream(self.folder, op, args) as answers:
            for _ in answers:
                pass
            return answers.value

    def stream(self, op: str, **args: Any) -> Stream:
        """Return the answers of the running server, to be read item by item."""
        return Stream(self.folder, op, args)

    def ask_anywhere(self, op: str, on_item: Callable[[Any], None] | None = None, **args: Any) -> Any:
        """Return the answer of the server, or where none runs, of the data directory itself."""
        given_up_s = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                with Stream(self.folder, op, args) as answers:
                    for item in answers:
                        if on_item is not None:
                            on_item(item)
                    return answers.value
            except NotRunning:
                from jaz_lite.cli.offline import call

                try:
                    return call(self.folder, op, args, on_item)
                except AlreadyRunning:
                    # A server that is just starting has the directory, and answers in a moment.
                    if time.monotonic() > given_up_s:
                        raise
                    time.sleep(LOOKS_AGAIN_S)


def with_common_options(command: C, data_variable: str = DATA_VARIABLE) -> C:
    """Give a command --data and -v: they may stand before or after its name.

    Args:
        data_variable: what else says the data directory, for the help.
    """

    def set_data(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.ensure_object(Session).data = value

    def set_verbosity(ctx: click.Context, _: click.Parameter, value: int) -> None:
        ctx.ensure_object(Session).verbosity += value

    command.params += [
        click.Option(
            ["--data"],
            metavar="DIR",
            expose_value=False,
            callback=set_data,
            help=f"Data directory; also {data_variable}.",
        ),
        click.Option(
            ["-v", "--verbose"],
            count=True,
            expose_value=False,
            callback=set_verbosity,
            help="Say more; -vv: tracebacks too.",
        ),
    ]
    return command


class Command(click.Command):
    """A command with the common options and an example in its help."""

    data_variable = DATA_VARIABLE

    def __init__(self, *args: Any, example: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self.example = example
        with_common_options(self, self.data_variable)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.example:
            with formatter.section("Example"):
                for line in self.example.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
        super().format_epilog(ctx, formatter)


class AgentCommand(Command):
    """A command about the agent of this machine: its `--data` is the agent's directory."""

    data_variable = AGENT_DATA_VARIABLE


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


class AgentGroup(click.Group):
    """A group of commands about the agent of this machine."""

    command_class = AgentCommand


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for.

    Args:
        places: where each command lives: module of this room and name in it.
    """

    def __init__(self, *args: Any, places: Mapping[str, tuple[str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self._places.get(cmd_name)
        if place is None:
            return None
        command: click.Command = getattr(import_module(f"jaz_lite.cli.{place[0]}"), place[1])
        return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
pass_session = click.make_pass_decorator(Session)
