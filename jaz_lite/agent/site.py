"""One site on this agent: its core, its log, its output and its session, put together without a socket or a process.

The shell and the simulator drive the same object: give it what happened (`heard`, `keeper_said`, `tick`, …), then
carry out what `take` returns, one effect after the other, with `perform`; when nothing is left, `pump` writes what may
be sent into the link. A crash may come between any two effects; what is on the `Disk` by then is what a new `Site`
starts from.

Source: protocol.md sections 1 (the agent's term rule), 4.4, 4.5 and 9.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from jaz_lite.agent import effects as fx
from jaz_lite.agent.attempts import Moment
from jaz_lite.agent.core import AgentCore
from jaz_lite.agent.disk import Disk
from jaz_lite.agent.machine.vitals import Vitals
from jaz_lite.agent.membership import Membership
from jaz_lite.agent.output_files import OutputFiles
from jaz_lite.agent.own_work import OwnWork, Said
from jaz_lite.agent.policy import Policy
from jaz_lite.agent.records import SiteRecord, site_folder
from jaz_lite.agent.site_log import SiteLog
from jaz_lite.agent.site_output import SiteOutput
from jaz_lite.agent.site_room import SiteRoom
from jaz_lite.agent.slots import Slots
from jaz_lite.errors import StoreDamaged
from jaz_lite.wire.agent_core import AgentLink
from jaz_lite.wire.happenings import (
    Acked,
    Beat,
    Challenged,
    Closed,
    ConfigChanged,
    Happening,
    Metric,
    OutputAcked,
    OutputAsked,
    Welcomed,
)
from jaz_lite.wire.ident import NO_SPOOL
from jaz_lite.wire.identities import AgentIdentity, HelloFacts
from jaz_lite.wire.limits import FEATURES

NO_OWN_WORK: Mapping[str, OwnWork] = MappingProxyType({})
TellKeeper = Callable[[tuple[list[Any], ...]], None]


class Site:
    """See the module.

    Args:
        boot: 16 bytes that name this boot of the operating system.
        out_folder: the folder of the output files, as the keeper opens them.
        tell_keeper: sends a batch to the keeper, or drops it where none is connected.
        slots: shared with the other sites of this agent.
        own: who does the work that needs no keeper, by its kind; what it says is given to `own_said`.
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
        slots: Slots,
        now: Moment,
        own: Mapping[str, OwnWork] = NO_OWN_WORK,
    ) -> None:
        self._disk = disk
        self._policy = policy
        self._out_folder = out_folder
        self._boot = boot
        self._tell_keeper = tell_keeper
        self._slots = slots
        self._own = own
        self._folder = site_folder(record.site_uid)
        self._disk.make_folder(f"{self._folder}/out")
        self.member = Membership(disk, self._folder, record, now)
        self.log = SiteLog(disk, self._folder, self.member.term)
        self.output = SiteOutput(outputs)
        self.room = SiteRoom(disk, policy, self.log, self.output)
        self._keeper_is_up = False
        self._link: AgentLink | None = None
        self._to_check: Welcomed | None = None  # by which the log is compared
        self._welcome: Welcomed | None = None  # with which the log agrees
        self._rotating: Welcomed | None = None
        self._in_session = False
        self.listen_port = 0  # where servers may dial; 0: nowhere
        self._effects: list[fx.Effect] = []
        self._now = now
        self.core = self._new_core()
        self.output.find_unsent(self.core, policy.out_bytes_max)

    def _new_core(self, rebooted: Iterable[bytes] = ()) -> AgentCore:
        known_boot, spool = self.member.term.boot, self.log.spool
        booted = known_boot not in (b"", self._boot)
        core = AgentCore(
            policy=self._policy,
            slots=self._slots,
            out_folder=self._out_folder,
            may_start=not booted or self._policy.start_after_boot == "now",
            own_kinds=self._own,
        )
        for event in spool.events():
            core.recall(event)
        for k in core.specs_apart():
            try:
                core.spec_found(k, self._disk.read(self._spec_path(k)))
            except FileNotFoundError:
                continue
        if spool.damaged:
            core.damaged()
        core.machine_booted(*rebooted)
        core.recalled(self._now, booted=self._boot if booted and not spool.damaged else None)
        return core

    # ---- the session

    @property
    def record(self) -> SiteRecord:
        """The enrolment at the site."""
        return self.member.record

    def identity(self) -> AgentIdentity:
        """Return who this agent is at its site."""
        return self.member.identity

    def addresses(self) -> tuple[str, ...]:
        """Return where to dial, best first."""
        return self.member.addresses

    def hello(
        self, now: Moment, *, conn: int, free: int, tz_s: int, sw: str, system: str, arch: str, encoding: str = ""
    ) -> HelloFacts:
        """Return what `hello` says for a session that begins now; the server compares its clock with ours."""
        self._now = now
        known = self.member.term
        return HelloFacts(
            boot=self._boot,
            term=known.term,
            act=known.act,
            ticket=known.ticket,
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
            feats=FEATURES,
            strict=self._policy.rollback_guard == "strict",
            encoding=encoding,
            listen_port=self.listen_port,
            heard_s=self.member.heard_s(now),
            **self.log.facts(),
        )

    def tell_vitals(self, vitals: Vitals, now: Moment) -> None:
        """Tell the server, if there is a session, how machine and agent are."""
        if self._link is not None and not self._link.closed:
            self._link.metric(
                Metric(
                    load=vitals.load,
                    mem_bytes=vitals.mem_bytes,
                    free_bytes=self._disk.free_bytes(),
                    running=len(self.core.running),
                    queued=self.core.queued,
                    spool_bytes=vitals.spool_bytes,
                    wall_ns=now.wall_ms * 1_000_000,
                )
            )

    def detach(self, link: AgentLink) -> None:
        """A link is gone; everything else goes on."""
        if link is self._link:
            self._talk_over(None, None)

    def _talk_over(self, link: AgentLink | None, welcome: Welcomed | None) -> None:
        """Go on over this link; what an earlier one had begun is begun again from its welcome."""
        self._link, self._to_check = link, welcome
        self._welcome, self._rotating, self._in_session = None, None, False

    @property
    def in_session(self) -> bool:
        """Whether the server has been told everything up to now and may give work."""
        return self._in_session

    @property
    def link(self) -> AgentLink | None:
        """The link of the present session, from its welcome on."""
        return self._link

    def heard(self, link: AgentLink, happenings: Iterable[Happening], now: Moment) -> None:
        """Take what a link found that was made with `identity` and `hello`.

        Notes:
            Links in their handshake leave the present session alone, whoever is at their other end. The one whose
            server proves last that it is the server becomes the session, and the one before it is closed.
        """
        self._now = now
        for happening in happenings:
            match happening:
                case Challenged():
                    self.member.answer(happening, link, now, in_session=self._link is not None)
                case Welcomed():
                    self._welcomed(link, happening)
                case Closed(addrs=addrs):
                    if addrs:
                        self._effects.append(fx.WriteTerm(self.member.sent_on(addrs, log=self.log, now=now)))
                    self.detach(link)
                    return
                case _ if link is not self._link:
                    pass  # said before it was replaced
                case Acked(n):
                    self.log.acked = max(self.log.acked, n)
                case OutputAcked(k, stream, offset):
                    self.output.acked(k, stream, offset)
                case OutputAsked(k, stream, offset):
                    self.output.asked(k, stream, offset)
                case ConfigChanged():
                    self._configured(happening)
                case Beat():
                    pass  # that it was heard is noted below
                case _:
                    self.core.asked(happening, now)
        if link is self._link:
            self.member.heard(now)

    def _welcomed(self, link: AgentLink, welcome: Welcomed) -> None:
        if not self.member.may_speak(welcome):
            link.bye("busy", "a server of a higher term came meanwhile")
            return
        before = self._link
        record = self.member.welcomed(welcome, log=self.log, now=self._now)
        if before is not None and before is not link:
            self.member.part_from(before, self._to_check)
        self._talk_over(link, welcome)
        enrolment = self.member.proved(link.identity)
        if enrolment is not None:
            self._effects.append(fx.WriteSite(enrolment))
        self._effects += [fx.WriteTerm(record), fx.CheckLog(welcome)]

    def _configured(self, config: ConfigChanged) -> None:
        if config.peers is not None:
            self._told_of(config.peers)
        enrolment = self.member.offered(config)
        if enrolment is not None:
            self._effects.append(fx.WriteSite(enrolment))
        if config.kid is not None or config.next_pin is not None:
            self._effects.append(fx.SayTaken(config.kid, config.next_pin))

    def _told_of(self, addrs: tuple[str, ...]) -> None:
        self._effects.append(fx.WriteTerm(self.member.told_of(addrs, log=self.log, now=self._now)))

    def _check_log(self, welcome: Welcomed) -> None:
        if self._link is None or self._link.closed or welcome is not self._to_check:
            return
        match self.log.compare(welcome):
            case "begin anew":
                self._rotating = welcome
                self._go_on_rotating()
            case "ask for a new one":
                self._link.bye("busy", "the log of this agent was set back; it is begun anew")
            case "fits":
                self.member.vouched(self._boot)
                self._welcome = welcome
                self.log.go_on_from(welcome.cursor)
                self.output.restart()
                self.core.contact(self._now, drain=welcome.drain)

    def _go_on_rotating(self) -> None:
        welcome = self._rotating
        if welcome is None:
            return
        if self.log.spool.damaged or self.core.prepare_rotation(self._now):
            self._rotating = None
            begin = fx.BeginLog(welcome.spool, self.log.why_anew)
            self._effects += [*self.core.take(), begin, fx.CheckLog(welcome)]

    def _begin_log(self, spool: bytes, why: str) -> None:
        self.log.begin(spool, why, self._now)
        for work in self._own.values():
            work.drop()  # what still stands is begun again by the new core
        self.core.leave()
        self.core = self._new_core(self.core.rebooted)  # boots are no part of what was repeated
        if self._keeper_is_up:
            self.core.keeper_up(self._now)

    def leave(self) -> None:
        """This agent belongs to the site no more: its slots are free, and its own work ends."""
        for work in self._own.values():
            work.drop()
        self.core.leave()

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
            facts = self.output.finish(attempt, self.core.output_limit(attempt))
            self.core.keeper_said(record, now, facts)
            self.output.finished(attempt, facts)
        self._go_on_rotating()

    def own_said(self, record: Said, now: Moment) -> None:
        """Take what is said of work that the agent's own process does."""
        self._now = now
        self.core.own_said(record, now)
        self._go_on_rotating()

    def has_open(self, k: bytes) -> bool:
        """Tell whether the end of an attempt is still to come, or not yet with the server."""
        attempt = self.core.attempts.get(k)
        return attempt is not None and (attempt.is_open or attempt.eseq > self.log.acked)

    # ---- time and the machine

    @property
    def tailing(self) -> bool:
        """Whether jobs run whose output wants to be looked at."""
        return bool(self.core.running)

    def tail(self, now: Moment) -> None:
        """Look at the output of the jobs that run."""
        self._now = now
        self.output.look(self.core)

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
        if self.log.spool.spool != NO_SPOOL:
            self.core.room(free, now)
            if clock_jump_s:
                self.core.clock_jumped(clock_jump_s, now)
        self.room.keep_reserve(free)
        self.room.forget(self.core, now)

    # ---- effects

    @property
    def urgent(self) -> bool:
        """Whether there is something to do or to send now, and not only at the next `deadline`."""
        return bool(self._effects) or self.core.urgent or self._may_send

    @property
    def _may_send(self) -> bool:
        if self._link is None or self._welcome is None:
            return False
        return not self._in_session or self.log.waits(self.core, self._now) or self.output.wants

    def take(self) -> list[fx.Effect]:
        """Return what is to be done now, in order."""
        # The core's first: what it has written belongs to the log as it is, before that may be begun anew.
        effects = self.core.take()
        effects += self._effects
        self._effects = []
        return effects

    def perform(self, effect: fx.Effect) -> None:
        """Carry out one effect.

        Raises:
            StoreDamaged: the disk failed, or stayed full; the agent must end.
        """
        try:
            self._carry_out(effect)
        except OSError as error:
            raise StoreDamaged(f"the spool of the agent cannot be written: {error}") from error

    def _carry_out(self, effect: fx.Effect) -> None:
        match effect:
            case fx.Append(payloads):
                if self.room.append(payloads):
                    self.core.disk_was_full(self._now)
            case fx.Sync():
                self.log.spool.sync()
            case fx.TellKeeper(messages):
                self._tell_keeper(messages)
            case fx.BeginOwn(k, kind, spec, again):
                self._own[kind].begin(k, spec, again=again)
            case fx.EndOwn(k, kind, why):
                self._own[kind].end(k, why)
            case fx.SaveSpec(k, spec):
                self._disk.make_folder(f"{self._folder}/spec")
                self._disk.replace(self._spec_path(k), spec)
            case fx.DropSpec(k):
                self._disk.remove(self._spec_path(k))
            case fx.WriteTerm(record):
                self.member.keep(record)
            case fx.WriteSite(enrolment):
                self.member.keep_site(enrolment)
            case fx.SayTaken(kid, pin):
                if self._link is not None:
                    self._link.config_ok(kid=kid, pin=pin)
            case fx.CheckLog(welcome):
                self._check_log(welcome)
            case fx.BeginLog(spool, why):
                self._begin_log(spool, why)
            case _:
                self._answer(effect)

    def _answer(self, effect: fx.Effect) -> None:
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

    def _spec_path(self, k: bytes) -> str:
        return f"{self._folder}/spec/{k.hex()}"

    def pump(self) -> bool:
        """Write into the link what may be sent now; True where more output waits for this to leave."""
        link, welcome = self._link, self._welcome
        if link is None or welcome is None or link.closed:
            return False
        strict = self._policy.durability == "strict"
        up_to = self.log.sendable(self.core, self._now, strict=strict, in_session=self._in_session)
        sent_all = self.log.send(link, self.core, up_to)
        if not self._in_session:
            if not sent_all:
                return False
            link.inventory(list(self.core.inventory(welcome.cursor)))
            link.synced(self.log.spool.head)
            self._in_session = True
        return self.output.pump(link)
