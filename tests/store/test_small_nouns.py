"""What the store promises about the journal, timers, settings and the term."""

import pytest

from jaz_lite.errors import NoSuchObject, UsageError
from jaz_lite.model.fact import Fact
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction
from jaz_lite.wire.ident import epoch_and_boot, term_of
from jaz_lite.wire.limits import BOOT_MAX
from tests.store.making import RUN, SITE_UID, stored_run

# ---- the journal


def test_facts_of_a_run_come_in_order_and_can_be_followed(tx: Transaction) -> None:
    for number in range(5):
        tx.journal.add(number, RUN, f"/JOB-{number}", Fact(kind="icon_ended", data={"n": number}))
    tx.journal.add(9, RUN + 1, "", Fact(kind="run_ended"))

    first = tx.journal.of_run(RUN, limit=2)
    rest = tx.journal.of_run(RUN, after=first[-1].id)

    assert [line.path for line in first + rest] == ["/JOB-0", "/JOB-1", "/JOB-2", "/JOB-3", "/JOB-4"]
    assert rest[0].data == {"n": 2}
    assert (rest[0].at_ms, rest[0].kind, rest[0].severity, rest[0].jaz_code) == (2, "icon_ended", "info", "")


def test_the_journal_is_searched_by_kind_severity_and_time(tx: Transaction) -> None:
    tx.journal.add(10, RUN, "", Fact(kind="run_started", jaz_code="JC00000001"))
    tx.journal.add(20, RUN, "/A", Fact(kind="icon_failed", severity="error"))
    tx.journal.add(30, None, "", Fact(kind="agent_lost", severity="warning"))
    tx.journal.add(40, RUN, "", Fact(kind="run_ended"))

    def kinds(**filters: object) -> list[str]:
        return [line.kind for line in tx.journal.latest(**filters)]  # type: ignore[arg-type]

    assert kinds() == ["run_ended", "agent_lost", "icon_failed", "run_started"]
    assert kinds(severity="warning") == ["agent_lost", "icon_failed"]
    assert kinds(kinds=["run_ended", "run_started", "never"]) == ["run_ended", "run_started"]
    assert kinds(kinds=["never"]) == []
    assert kinds(since_ms=20, until_ms=40) == ["agent_lost", "icon_failed"]
    assert kinds(limit=1) == ["run_ended"]
    assert kinds(before=tx.journal.latest(limit=2)[-1].id, limit=1) == ["icon_failed"]
    assert tx.journal.latest(kinds=["agent_lost"])[0].run_id is None


# ---- timers


def test_due_timers_come_longest_overdue_first(tx: Transaction) -> None:
    stored_run(tx)
    tx.timers.set(RUN, 1, "timeout", 30)
    tx.timers.set(RUN, None, "timeout", 10)
    tx.timers.set(RUN, 2, "retry", 20)
    tx.timers.set(RUN, 2, "retry", 25)

    assert tx.timers.next_due() == 10
    assert tx.timers.due(25, 10) == [(RUN, None, "timeout", 10), (RUN, 2, "retry", 25)]
    assert tx.timers.due(25, 1) == [(RUN, None, "timeout", 10)]
    tx.timers.delete(RUN, None, "timeout")
    assert tx.timers.next_due() == 25
    tx.timers.clear_run(RUN)
    assert tx.timers.next_due() is None


def test_the_next_due_time_follows_commits_and_rollbacks(store: Store) -> None:
    assert store.next_due_ms() is None
    with store.transaction() as tx:
        stored_run(tx)
        tx.timers.set(RUN, None, "timeout", 10)
    assert store.next_due_ms() == 10

    tx = store.begin()
    tx.timers.set(RUN, None, "timeout", 5)
    tx.rollback()
    assert store.next_due_ms() == 10

    with store.transaction() as tx:
        tx.timers.delete(RUN, None, "timeout")
    assert store.next_due_ms() is None


# ---- settings


def test_a_setting_is_its_default_until_it_is_set(tx: Transaction) -> None:
    assert tx.settings.get("keep_runs_min") == 30 * 24 * 60
    tx.settings.set("keep_runs_min", 7)

    (found,) = [setting for setting in tx.settings.all() if setting.name == "keep_runs_min"]
    assert (found.value, found.known.default, found.origin) == (7, 30 * 24 * 60, "store")
    assert tx.settings.minutes("keep_runs_min") == 7

    tx.settings.set("keep_runs_min", None)
    assert {setting.origin for setting in tx.settings.all()} == {"default"}


def test_a_setting_that_does_not_exist_or_does_not_fit_is_refused(tx: Transaction) -> None:
    with pytest.raises(NoSuchObject, match='no setting "colour"'):
        tx.settings.get("colour")
    with pytest.raises(NoSuchObject, match='no setting "colour"'):
        tx.settings.set("colour", 1)
    with pytest.raises(UsageError, match="wants a whole number"):
        tx.settings.set("keep_runs_min", "7")
    with pytest.raises(UsageError, match="wants a whole number"):
        tx.settings.set("keep_runs_min", True)
    with pytest.raises(UsageError, match="may be 0 to 2147483647, not -1"):
        tx.settings.set("keep_runs_min", -1)
    with pytest.raises(UsageError, match="may be 1 to 44640, not 0"):
        tx.settings.set("load_span_min", 0)


# ---- the term


def test_a_takeover_begins_a_higher_epoch(tx: Transaction) -> None:
    tx.term.create(site_uid=SITE_UID, server_id="one")
    tx.term.claim(bytes(8))

    term = tx.term.activate(7, b"87654321")

    assert term == term_of(7, 0) == tx.term.site().term
    assert tx.term.site().act == b"87654321"
    assert tx.term.claim(bytes(8)) == term_of(7, 1)
    with pytest.raises(AssertionError, match="new epoch"):
        tx.term.activate(7, bytes(8))


def test_all_processes_of_an_epoch_on_one_directory_are_of_one_line(tx: Transaction) -> None:
    tx.term.create(site_uid=SITE_UID, server_id="one")
    tx.term.claim(b"firstone")
    assert tx.term.site().act == b"firstone"

    tx.term.claim(b"8765LATE")
    assert tx.term.site().act == b"firsLATE"

    tx.term.activate(7, b"anewone!")
    tx.term.claim(b"8765NEXT")
    assert tx.term.site().act == b"anewNEXT"


def test_every_claim_gives_a_higher_term(tx: Transaction) -> None:
    tx.term.create(site_uid=SITE_UID, server_id="tokyo")
    assert tx.term.site().term == term_of(1, 0)

    terms = [tx.term.claim(bytes(8)) for _ in range(3)]

    assert [epoch_and_boot(term) for term in terms] == [(1, 1), (1, 2), (1, 3)]
    site = tx.term.site()
    assert (site.site_uid, site.server_id, site.term, site.act) == (SITE_UID, "tokyo", terms[-1], bytes(8))


def test_when_the_boots_run_out_the_epoch_grows(tx: Transaction) -> None:
    tx.term.create(site_uid=SITE_UID, server_id="tokyo")
    tx.term._sql.run("update site set boot = ?", (BOOT_MAX,))

    assert epoch_and_boot(tx.term.claim(bytes(8))) == (2, 0)


def test_a_tick_is_remembered(tx: Transaction) -> None:
    tx.term.create(site_uid=SITE_UID, server_id="tokyo")
    assert tx.term.site().last_tick_ms is None
    tx.term.tick(123)

    assert tx.term.site().last_tick_ms == 123


def test_a_store_without_a_site_says_so(tx: Transaction) -> None:
    with pytest.raises(NoSuchObject, match="belongs to no site"):
        tx.term.site()
