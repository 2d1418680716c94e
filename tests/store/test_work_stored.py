"""What the store promises about attempts, their output, and the agents they are sent to."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaz_lite.model.host import Host
from jaz_lite.store.agents import AgentRow
from jaz_lite.store.attempts import ATTEMPT_STATES, SETTLED_STATES
from jaz_lite.store.open import Store
from jaz_lite.store.transaction import Transaction
from tests.store.making import RUN, attempt, key, opened


def test_an_attempt_comes_back_as_it_was(tx: Transaction) -> None:
    full = attempt(
        1,
        occ="T:00ff",
        state="done",
        spec=b"\x81\xa1a\x01",
        boot_sent=b"boot",
        term_sent=524_289,
        exit_code=-100_000,
        signal=9,
        why="kill",
        message="ended by a signal",
        sent_ms=1,
        accepted_ms=2,
        started_ms=3,
        ended_ms=4,
        out_bytes=5,
        err_bytes=6,
    )

    tx.attempts.insert(full)
    tx.attempts.insert(adopted := attempt(2, run_id=77, node=-1, visit=0, host="", state="accepted", origin="adopted"))

    assert tx.attempts.find(key(1)) == full
    assert tx.attempts.find(key(2)) == adopted
    assert tx.attempts.find(key(3)) is None
    assert tx.attempts.of_run(RUN) == [full]


def test_fields_of_an_attempt_are_changed_alone(tx: Transaction) -> None:
    tx.attempts.insert(attempt(1))
    tx.attempts.insert(attempt(2))

    tx.attempts.update(key(1), state="running", started_ms=5, agent_id="other")

    assert tx.attempts.find(key(1)) == replace(attempt(1), state="running", started_ms=5, agent_id="other")
    assert tx.attempts.find(key(2)) == attempt(2)


@pytest.mark.parametrize("state", sorted(SETTLED_STATES))
def test_the_work_order_is_wiped_when_it_cannot_be_sent_again(tx: Transaction, state: str) -> None:
    tx.attempts.insert(attempt(1, spec=b"a script with a password"))
    tx.attempts.update(key(1), state="running")
    running = tx.attempts.find(key(1))

    tx.attempts.update(key(1), state=state, ended_ms=5)

    settled = tx.attempts.find(key(1))
    assert running is not None
    assert running.spec == b"a script with a password"
    assert settled is not None
    assert settled.spec == b""


@pytest.mark.parametrize("field", ["run_id", "attempt", "occ", "nonsense"])
def test_what_the_key_is_made_of_cannot_be_changed(tx: Transaction, field: str) -> None:
    tx.attempts.insert(attempt(1))

    with pytest.raises(AssertionError, match="not to be changed"):
        tx.attempts.update(key(1), **{field: 1})


def test_a_change_of_an_unknown_attempt_is_a_fault(tx: Transaction) -> None:
    with pytest.raises(AssertionError, match="no attempt has the key"):
        tx.attempts.update(key(1), state="running")


def test_open_attempts_are_those_whose_fate_is_not_settled(tx: Transaction) -> None:
    for number, state in enumerate(ATTEMPT_STATES):
        tx.attempts.insert(attempt(number, state=state, ended_ms=5 if state in SETTLED_STATES else None))
    tx.attempts.insert(attempt(50, agent_id="other", state="ready"))

    assert [row.state for row in tx.attempts.open_of("local")] == [s for s in ATTEMPT_STATES if s not in SETTLED_STATES]
    assert tx.attempts.open_of("nobody") == []


# ---- output


@pytest.fixture
def job(tx: Transaction) -> bytes:
    tx.attempts.insert(attempt(1))
    return key(1)


def test_output_is_written_once_however_often_it_comes(tx: Transaction, job: bytes) -> None:
    assert tx.output.append(job, 1, 0, b"hello ") == 6
    assert tx.output.append(job, 1, 0, b"hello ") == 6
    assert tx.output.append(job, 1, 3, b"lo world") == 11
    assert tx.output.append(job, 1, 5, b" ") == 11

    assert tx.output.read(job, 1, 0, 100) == b"hello world"
    assert tx.output.length(job, 1) == 11


def test_output_behind_a_gap_is_refused_and_the_answer_says_from_where(tx: Transaction, job: bytes) -> None:
    tx.output.append(job, 1, 0, b"hello")

    assert tx.output.append(job, 1, 6, b"world") == 5
    assert tx.output.read(job, 1, 0, 100) == b"hello"


def test_the_two_streams_are_apart(tx: Transaction, job: bytes) -> None:
    tx.output.append(job, 1, 0, b"out")
    tx.output.append(job, 2, 0, b"error")

    assert (tx.output.read(job, 1, 0, 9), tx.output.read(job, 2, 0, 9)) == (b"out", b"error")
    assert tx.output.length(key(9), 1) == 0
    assert tx.output.read(key(9), 1, 0, 9) == b""


def test_output_of_an_attempt_nobody_knows_is_a_fault(tx: Transaction) -> None:
    with pytest.raises(AssertionError, match="not in the store"):
        tx.output.append(key(9), 1, 0, b"x")


def test_long_output_is_kept_small(tx: Transaction, job: bytes) -> None:
    tx.output.append(job, 1, 0, b"the same line\n" * 4_000)

    ((kept,),) = tx.output._sql.rows("select length(data) from output")
    assert kept < 2_000
    assert tx.output.read(job, 1, 0, 1 << 20) == b"the same line\n" * 4_000


@settings(max_examples=40)
@given(
    pieces=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), max_size=12),
    places=st.lists(st.tuples(st.integers(0, 110), st.integers(0, 110)), min_size=1, max_size=5),
)
def test_what_is_stored_is_always_a_beginning_of_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[int, int]], places: list[tuple[int, int]]
) -> None:
    written = bytes(range(100))
    store = opened(tmp_path_factory.mktemp("store"))
    with store.transaction() as tx:
        tx.attempts.insert(attempt(1))
        for offset, size in pieces:
            end = tx.output.append(key(1), 1, offset, written[offset : offset + size])
            assert end == tx.output.length(key(1), 1)
        stored = written[: tx.output.length(key(1), 1)]
        for offset, size in places:
            assert tx.output.read(key(1), 1, offset, size) == stored[offset : offset + size]
    store.close()


# ---- agents and hosts


def agent(agent_id: str = "local", **more: object) -> AgentRow:
    return AgentRow(agent_id=agent_id, kid=1, key=bytes(range(32)), created_ms=1_000, **more)  # type: ignore[arg-type]


def test_an_agent_comes_back_as_it_was(tx: Transaction) -> None:
    full = agent(
        spool=bytes(16),
        cursor=7,
        chain=b"\x07" * 16,
        boot=b"boot",
        confirmed_term=5,
        conn=9,
        addrs=("10.0.0.1:11055", "[::1]:11055"),
        dial="both",
        state="draining",
        version="0.1.0",
        os="linux",
        arch="x86_64",
        seen_ms=5,
    )
    tx.agents.put(agent("b"))
    tx.agents.put(full)

    assert tx.agents.find("local") == full
    assert [row.agent_id for row in tx.agents.list()] == ["b", "local"]
    tx.agents.put(replace(full, kid=2))
    assert tx.agents.find("local") == replace(full, kid=2)


def test_the_key_of_an_agent_is_not_readable_in_the_file(store: Store) -> None:
    with store.transaction() as tx:
        tx.agents.put(AgentRow(agent_id="local", kid=1, key=b"PLAINLY-A-SECRET-PLAINLY-A-SECRET", created_ms=1))
    store.checkpoint()

    for file in store.folder.glob("jaz.db*"):
        assert b"PLAINLY-A-SECRET" not in file.read_bytes()


def test_the_cursor_moves_with_spool_and_chain(tx: Transaction) -> None:
    tx.agents.put(agent())

    tx.agents.move_cursor("local", b"s" * 16, 12, b"c" * 16)
    tx.agents.update("local", seen_ms=8, state="quarantined")

    found = tx.agents.find("local")
    assert found == agent(spool=b"s" * 16, cursor=12, chain=b"c" * 16, seen_ms=8, state="quarantined")


def test_an_unknown_agent_cannot_be_changed(tx: Transaction) -> None:
    with pytest.raises(AssertionError, match='no agent "nobody"'):
        tx.agents.move_cursor("nobody", bytes(16), 1, bytes(16))
    with pytest.raises(AssertionError, match='no agent "nobody"'):
        tx.agents.update("nobody", seen_ms=1)
    assert tx.agents.find("nobody") is None
    assert not tx.agents.remove("nobody")


def test_hosts_are_saved_found_and_removed(tx: Transaction) -> None:
    tx.hosts.put(Host(host="web", agent_id="a"))
    tx.hosts.put(Host(host="db", agent_id="b", enabled=False, encoding="cp932", memo="the old one"))
    tx.hosts.put(Host(host="web", agent_id="c"))

    assert tx.hosts.find("web") == Host(host="web", agent_id="c")
    assert [host.host for host in tx.hosts.list()] == ["db", "web"]
    assert tx.hosts.find("db") == Host(host="db", agent_id="b", enabled=False, encoding="cp932", memo="the old one")
    assert tx.hosts.remove("db")
    assert not tx.hosts.remove("db")
    assert tx.hosts.find("db") is None
