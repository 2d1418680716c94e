"""A server for the tests of commands: the product's engine without agents, behind the real local socket."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from jaz_lite.net.local_socket import serve_local
from jaz_lite.operations import registry
from tests.unit.operations.small_site import OWNER, opened, running

START_SECONDS_MAX = 20


@contextmanager
def served(folder: Path) -> Iterator[None]:
    """Keep a server on a new data directory running inside the `with` block."""
    ready = threading.Event()
    stop: list[trio.CancelScope] = []
    token: list[trio.lowlevel.TrioToken] = []
    failures: list[BaseException] = []

    async def serve() -> None:
        token.append(trio.lowlevel.current_trio_token())
        with opened(folder) as store, trio.CancelScope() as scope:
            stop.append(scope)
            async with running(store) as site, trio.open_nursery() as nursery:

                async def answer(name: str, args: object, emit: object) -> object:
                    return await registry.call(site, OWNER, name, args, emit)  # type: ignore[arg-type]

                await nursery.start(serve_local, folder, answer)
                ready.set()

    def run() -> None:
        try:
            trio.run(serve)
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(START_SECONDS_MAX), "the server did not start"
    try:
        if failures:
            raise failures[0]
        yield
    finally:
        if not failures:
            token[0].run_sync_soon(stop[0].cancel)
        thread.join()
    if failures:
        raise failures[0]
