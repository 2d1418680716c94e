"""One site on this agent: its core, its log, its output and its session, put together without a socket or a process.

The shell and the simulator drive the same object: give it what happened (`heard`, `keeper_said`, `tick`, …), then
carry out what `take` returns, one effect after the other, with `perform`; when nothing is left, `pump` writes what may
be sent into the link. A crash may come between any two effects; what is on the `Disk` by then is what a new `Site`
starts from.

Source: protocol.md sections 1 (the agent's term rule), 4.4, 4.5 and 9.
"""

import errno
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from jaz_lite.agent import effects as fx
from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.core import AgentCore
from jaz_lite.agent.disk import Disk
from jaz_lite.agent.output_files import Capture, OutputFiles
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.records import SiteRecord, TermRecord, load_term, save_term, site_folder
from jaz_lite.agent.spool import Spool
from jaz_lite.agent.streams import Streams
from jaz_lite.errors import StoreDamaged
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.events import Unpacked
from jaz_lite.wire.happenings import (
    Acked,
    AgentIdentity,
    Challenged,
    Closed,
    ConfigChanged,
    Happening,
    HelloFacts,
    OutputAcked,
    OutputAsked,
    Welcomed,
)
from jaz_lite.wire.ident import NO_SPOOL
from jaz_lite.wire.limits import ADDRESSES_MAX

RESERVE = "reserve"
RESERVE_BYTES = 4 * 1024 * 1024
DAY_MS = 86_400_000
TellKeeper = Callable[[tuple[list[Any], ...]], None]


@dataclass(frozen=True, slots=True)
class WriteTerm:
    """Make the accepted term durable, before any command of it is looked at."""

    record: TermRecord


@dataclass(frozen=True, slots=True)
class CheckLog:
    """Compare what the server knows of our log with the log."""

    welcome: Welcomed


@dataclass(frozen=True, slots=True)
class BeginLog:
    """Begin the log anew under the spool id of the server; all that is known is repeated in it."""

    spool: bytes
    why: str


Effect = fx.Effect | WriteTerm | CheckLog | BeginLog


class Site:
    """See the module.

    Args:
        boot: 16 bytes that name this boot of the operating system.
        out_folder: the folder of the output files, as the keeper opens them.
        tell_keeper: sends a batch to the keeper, or drops it where none is connected.
    """

    def __init__(
        self,
        *,
        disk: Disk,
        record: SiteRecord,
        policy: Policy,
        outputs: OutputFiles,
        out_folder: str,
        boot: bytes,
        tell_keeper: TellKeeper,
        now: Moment,
    ) -> None:
        self.record = record
        self._disk = disk
        self._policy = policy
        self._outputs = outputs
        self._out_folder = out_folder
        self._boot = boot
        self._tell_keeper = tell_keeper
        self._folder = site_folder(record.site_uid)
        self._disk.make_folder(f"{self._folder}/out")
        self._term = load_term(disk, self._folder)
        self.spool = Spool(disk, self._folder)
        self._capture = Capture(outputs)
        self._streams = Streams()
        self._keeper_is_up = False
        self._link: AgentLink | None = None
        self._welcome: Welcomed | None = None
        self._rotating: Welcomed | None = None
        self._ask_new_spool = False
        self._sent = 0
        self._acked = self._term.acked
        self._in_session = False
        self._heard_at = 0.0
        self._effects: list[Effect] = []
        self._now = now
        self.core = self._new_core()
        for k, stream in outputs.pending():
            attempt = self.core.attempts.get(k)
            if attempt is None or not attempt.is_open:
                # A lost job may have gone on writing: what is over the limit is not its output any more.
                size = self._capture.size(k, stream, policy.out_bytes_max)
                self._streams.grown(k, stream, size, ended=True)

    def _new_core(self) -> AgentCore:
        booted = self._term.boot not in (b"", self._boot)
        core = AgentCore(
            policy=self._policy,
            out_folder=self._out_folder,
            may_start=not booted or self._policy.start_after_boot == "now",
        )
        for event in self.spool.events():
            core.recall(event)
        for k in core.specs_apart():
            try:
                core.spec_found(k, self._disk.read(self._spec_path(k)))
            except FileNotFoundError:
                continue
        if self.spool.damaged:
            core.damaged()
        core.recalled(self._now, booted=self._boot if booted and not self.spool.damaged else None)
        return core

    # ---- the session

    def identity(self) -> AgentIdentity:
        """Return who this agent is at its site."""
        body = "".join(line for line in self.record.cert_pem.splitlines() if line and not line.startswith("-----"))
        return AgentIdentity(
            agent_id=self.record.agent_id,
            kid=self.record.kid,
            key=self.record.key,
            site_uid=self.record.site_uid,
            pin_sha256=sha256(b64decode(body)).digest(),
        )

    def addresses(self) -> tuple[str, ...]:
        """Return where to dial: the configured addresses, then those that servers have told of."""
        return tuple(dict.fromkeys((*self.record.addrs, *self._term.addrs)))[:ADDRESSES_MAX]

    def hello(self, *, conn: int, free: int, tz_s: int, sw: str, system: str, arch: str) -> HelloFacts:
        """Return what `hello` says for a session that begins now."""
        new = self._ask_new_spool or self.spool.damaged
        return HelloFacts(
            spool=NO_SPOOL if new else self.spool.spool,
            boot=self._boot,
            term=self._term.term,
            act=self._term.act,
            ticket=self._term.ticket,
            acked=0 if new else min(self._acked, self.spool.synced),
            head=0 if new else self.spool.synced,
            low=1 if new else self.spool.low,
            low_chain=bytes(16) if new else self.spool.low_chain,
            keep_s=self._policy.keep_days * 86_400,
            conn=conn,
            wall_ns=self._now.wall_ms * 1_000_000,
            tz_s=tz_s,
            sw=sw,
            os=system,
            arch=arch,
            par=self._policy.par,
            queue=self._policy.queue,
            free=free,
        )

    def attach(self, link: AgentLink) -> None:
        """A link was made with `identity` and `hello`."""
        self._link, self._in_session, self._welcome = link, False, None

    def detach(self) -> None:
        """The link is gone; everything else goes on."""
        self._link, self._in_session, self._welcome, self._rotating = None, False, None, None

    @property
    def in_session(self) -> bool:
        """Whether the server has been told everything up to now and may give work."""
        return self._in_session

    def heard(self, happenings: Iterable[Happening], now: Moment) -> None:
        """Take what the link found."""
        self._now = now
        for happening in happenings:
            match happening:
                case Challenged():
                    self._challenged(happening)
                case Welcomed():
                    self._welcomed(happening)
                case Acked(n):
                    self._acked = max(self._acked, n)
                case OutputAcked(k, stream, offset):
                    self._streams.acked(k, stream, offset)
                case OutputAsked(k, stream, offset):
                    self._asked_for_output(k, stream, offset)
                case ConfigChanged(peers=tuple() as peers):
                    self._learn(peers)
                case ConfigChanged():
                    pass
                case Closed(addrs=addrs):
                    if addrs:
                        self._learn(addrs)
                    self.detach()
                    return
                case _:
                    self.core.asked(happening, now)
        self._heard_at = now.mono

    def _challenged(self, challenge: Challenged) -> None:
        assert self._link is not None
        known = self._term
        live_s = max(0, int(self._now.mono - self._heard_at))
        if challenge.probe:
            self._link.probe_answer(term=known.term, act=known.act, ticket=known.ticket, live_s=live_s)
        elif challenge.term > known.term or (challenge.term == known.term and challenge.act == known.act):
            self._link.accept_term()
        else:
            self._link.stale(term=known.term, act=known.act, ticket=known.ticket, addrs=known.addrs[:8], live_s=live_s)

    def _welcomed(self, welcome: Welcomed) -> None:
        record = TermRecord(
            term=welcome.term, act=welcome.act, ticket=welcome.ticket, addrs=welcome.peers, boot=self._boot,
            acked=self._acked, at_ms=self._now.wall_ms,
        )  # fmt: skip
        self._effects += [WriteTerm(record), CheckLog(welcome)]

    def _learn(self, addrs: tuple[str, ...]) -> None:
        known = self._term
        self._effects.append(
            WriteTerm(TermRecord(
                term=known.term, act=known.act, ticket=known.ticket, addrs=addrs, boot=known.boot, acked=self._acked,
                at_ms=self._now.wall_ms,
            ))
        )  # fmt: skip

    def _check_log(self, welcome: Welcomed) -> None:
        if self._link is None or self._link.closed:
            return
        spool = self.spool
        if welcome.spool != spool.spool or spool.damaged:
            self._rotating = welcome
            self._go_on_rotating()
        elif welcome.cursor > spool.synced or spool.chain_at(welcome.cursor) not in (welcome.chain, None):
            # One of us was set back. Only the server may name a new log, so ask it to (protocol.md 4.5).
            self._ask_new_spool = True
            self._link.bye("busy", "the log of this agent was set back; it is begun anew")
        else:
            self._begin_session(welcome)

    def _go_on_rotating(self) -> None:
        welcome = self._rotating
        if welcome is None:
            return
        if self.spool.damaged or self.core.prepare_rotation(self._now):
            self._rotating = None
            why = "damaged" if self.spool.damaged else "setback" if self.spool.head else "new"
            self._effects += [*self.core.take(), BeginLog(welcome.spool, why), CheckLog(welcome)]

    def _begin_log(self, spool: bytes, why: str) -> None:
        old = self.spool.spool
        events = list(self._repeated(old, why))
        self.spool.begin(spool, events)
        self._ask_new_spool = False
        self._acked = 0
        self.core = self._new_core()
        if self._keeper_is_up:
            self.core.keeper_up(self._now)

    def _repeated(self, old: bytes, why: str) -> Iterator[Unpacked]:
        yield from (event for event in self.spool.events() if event[2] is not None)
        if old != NO_SPOOL:
            # The last one, so that whoever reads the log again knows which of its attempts come from the old log.
            yield 0, self._now.wall_ms * 1_000_000, None, "rotated", {"old": old, "why": why}

    def _begin_session(self, welcome: Welcomed) -> None:
        self._welcome = welcome
        self._sent = self._acked = welcome.cursor
        self._streams.restart()
        self.core.contact(self._now, drain=welcome.drain)

    # ---- the keeper

    def keeper_up(self, now: Moment) -> None:
        """A keeper is connected."""
        self._now, self._keeper_is_up = now, True
        self.core.keeper_up(now)

    def keeper_down(self) -> None:
        """The keeper is gone."""
        self._keeper_is_up = False
        self.core.keeper_down()

    def keeper_said(self, records: Iterable[list[Any]], now: Moment) -> None:
        """Take what the keeper says."""
        self._now = now
        for record in records:
            attempt = self.core.wants_facts(record)
            if attempt is None:
                self.core.keeper_said(record, now)
                continue
            head = int((attempt.spec or {}).get("head") or 0)
            facts = self._capture.finish(attempt.k, head, self.core.output_limit(attempt))
            self.core.keeper_said(record, now, facts)
            if attempt.has_text:
                self._outputs.remove_texts(attempt.k)
            self._streams.grown(attempt.k, 1, facts.out, ended=True)
            self._streams.grown(attempt.k, 2, facts.err, ended=True)
        self._go_on_rotating()

    # ---- output

    @property
    def tailing(self) -> bool:
        """Whether jobs run whose output wants to be looked at."""
        return bool(self.core.running)

    def tail(self, now: Moment) -> None:
        """Look at the output of the jobs that run."""
        self._now = now
        for k in self.core.running:
            bytes_max = self.core.output_limit(self.core.attempts[k])
            for stream in (1, 2):
                self._streams.grown(k, stream, self._capture.size(k, stream, bytes_max))

    def _asked_for_output(self, k: bytes, stream: int, offset: int) -> None:
        self._streams.asked(k, stream, offset, self._outputs.size(k, stream))

    # ---- time and the machine

    @property
    def deadline(self) -> float | None:
        """The monotonic second at which `tick` or `pump` has something to do."""
        due = self.core.send_due
        if due is None or not self._in_session or due <= self._now.mono:
            # Without a session nothing can be sent; what is overdue waits for the server's acknowledgements.
            return self.core.deadline
        return due if self.core.deadline is None else min(due, self.core.deadline)

    def tick(self, now: Moment) -> None:
        """Do what is due."""
        self._now = now
        self.core.tick(now)

    def look_after(self, now: Moment, *, clock_jump_s: int = 0) -> None:
        """Once a minute: room on the disk, the reserve, and what may be forgotten."""
        self._now = now
        free = self._disk.free_bytes()
        if self.spool.spool != NO_SPOOL:
            self.core.room(free, now)
            if clock_jump_s:
                self.core.clock_jumped(clock_jump_s, now)
        if free > self._policy.free_bytes_min and RESERVE not in self._disk.names("."):
            self._disk.replace(RESERVE, bytes(RESERVE_BYTES))
        before_ms = now.wall_ms - self._policy.keep_days * DAY_MS
        while self.spool.forget(self._acked, before_ms):
            pass
        self.core.forget(self.spool.low, before_ms)
        self._outputs.forget(before_ms)

    # ---- effects

    @property
    def urgent(self) -> bool:
        """Whether there is something to do or to send now, and not only at the next `deadline`."""
        return bool(self._effects) or self.core.urgent or self._may_send

    @property
    def _may_send(self) -> bool:
        if self._link is None or self._welcome is None:
            return False
        return not self._in_session or self._events_to_send or self._streams.wants

    @property
    def _events_to_send(self) -> bool:
        return self._sent < self.spool.synced and not self.core.may_wait_to_send(self._sent, self._now)

    def take(self) -> list[Effect]:
        """Return what is to be done now, in order."""
        effects, self._effects = self._effects, []
        effects += self.core.take()
        return effects

    def perform(self, effect: Effect) -> None:
        """Carry out one effect.

        Raises:
            StoreDamaged: the disk failed, or stayed full; the agent must end.
        """
        try:
            self._carry_out(effect)
        except OSError as error:
            raise StoreDamaged(f"the spool of the agent cannot be written: {error}") from error

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case fx.Append(payloads):
                self._append(payloads)
            case fx.Sync():
                self.spool.sync()
            case fx.TellKeeper(messages):
                self._tell_keeper(messages)
            case fx.SaveSpec(k, spec):
                self._disk.make_folder(f"{self._folder}/spec")
                self._disk.replace(self._spec_path(k), spec)
            case fx.DropSpec(k):
                self._disk.remove(self._spec_path(k))
            case WriteTerm(record):
                save_term(self._disk, self._folder, record)
                self._term = record
            case CheckLog(welcome):
                self._check_log(welcome)
            case BeginLog(spool, why):
                self._begin_log(spool, why)
            case _:
                self._answer(effect)

    def _answer(self, effect: Effect) -> None:
        # Answers are for the session in which the question came; in another the server asks again.
        if self._link is None or not self._in_session or self._link.closed:
            return
        match effect:
            case fx.SayState(k, st, exit_code, conflict, why):
                self._link.state_of(k, st, exit_code=exit_code, conflict=conflict, why=why)
            case fx.SayRefused(k, why, msg):
                self._link.refused(k, why, msg)
            case fx.SayInventory():
                self._link.inventory(list(self.core.inventory()))

    def _append(self, payloads: tuple[bytes, ...]) -> None:
        try:
            self.spool.append(payloads)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._disk.remove(RESERVE)
            self.spool.append(payloads)
            self.core.disk_was_full(self._now)

    def _spec_path(self, k: bytes) -> str:
        return f"{self._folder}/spec/{k.hex()}"

    # ---- sending

    def pump(self) -> bool:
        """Write into the link what may be sent now; True where more output waits for this to leave."""
        link, welcome = self._link, self._welcome
        if link is None or welcome is None or link.closed:
            return False
        durable = self.spool.synced if self._policy.durability == "strict" else self.spool.head
        if self._in_session and self.core.may_wait_to_send(self._sent, self._now):
            durable = self._sent
        while self._sent < durable and (room := link.event_room) > 0:
            payloads = self.spool.payloads(self._sent + 1, min(room, durable - self._sent))
            link.events(payloads)
            self._sent += len(payloads)
            self.core.sent(self._sent)
        if not self._in_session:
            if self._sent < self.spool.head:
                return False
            link.inventory(list(self.core.inventory(welcome.cursor)))
            link.synced(self.spool.head)
            self._in_session = True
        return self._pump_output(link)

    def _pump_output(self, link: AgentLink) -> bool:
        chunk = self._streams.next(link.output_room)
        if chunk is not None:
            k, stream, offset, size, eof = chunk
            data = self._outputs.read(k, stream, offset, size)
            if len(data) < size:
                # Somebody took the file away: what is not there can only be left out.
                self._streams.forget(k)
            else:
                link.output(k, stream, offset, data, eof=eof)
        for k, stream in self._streams.delivered():
            self._outputs.mark_had(k, stream)
        return chunk is not None
