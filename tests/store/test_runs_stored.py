"""What the store promises about runs: what was saved is what is loaded, whatever else happens."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaz_lite.errors import NoSuchObject
from jaz_lite.model.run import DOUBT_REASONS, ICON_STATES, RUN_STATES, UNTOUCHED, Doubt, FrameRun, IconRun, Run
from jaz_lite.store.open import Store
from jaz_lite.store.run_rows import JOB_STATUSES, LOAD_STATUSES, METHODS, ORIGINS
from jaz_lite.store.transaction import Nouns, Transaction
from tests.store.making import RUN, SITE_UID, document, opened, plan, run, stored_run


def loaded(nouns: Nouns, like: Run) -> Run:
    return nouns.runs.load(like.run_id).assemble(like.plan, SITE_UID)


TEXTS = st.text(max_size=20)
TIMES = st.none() | st.integers(0, 2**45)
MAPS = st.dictionaries(TEXTS, TEXTS, max_size=3)
ICONS = st.builds(
    IconRun,
    state=st.sampled_from(ICON_STATES),
    method=st.sampled_from(METHODS),
    visit=st.integers(0, 10**6),
    attempt=st.integers(0, 65_535),
    arrivals=st.integers(0, 100),
    before=MAPS,
    results=MAPS,
    work=st.none() | st.binary(min_size=16, max_size=16),
    memo=st.dictionaries(
        TEXTS, st.integers(-(2**60), 2**60) | TEXTS | st.none() | st.lists(TEXTS, max_size=2), max_size=2
    ),
    started_ms=TIMES,
    ended_ms=st.integers(0, 2**45),
    exit_code=st.none() | st.integers(-(2**31), 2**31),
    message=TEXTS,
    continued=st.booleans(),
    timed_out=st.booleans(),
    doubt=st.none()
    | st.builds(Doubt, reason=st.sampled_from(DOUBT_REASONS), since_ms=st.integers(0, 2**45), message=TEXTS),
)


@settings(max_examples=60)
@given(icons=st.lists(ICONS, min_size=3, max_size=3), data=st.data())
def test_any_state_of_a_run_is_loaded_as_it_was_saved(
    tmp_path_factory: pytest.TempPathFactory, icons: list[IconRun], data: st.DataObject
) -> None:
    store = opened(tmp_path_factory.mktemp("store"))
    state = data.draw(st.sampled_from(RUN_STATES))
    with store.transaction() as tx:
        made = stored_run(tx, origin=data.draw(st.sampled_from(ORIGINS)), start_variables=data.draw(MAPS))
        saved = replace(
            made,
            state=state,
            job_status=data.draw(st.sampled_from(JOB_STATUSES)),
            load_status=data.draw(st.sampled_from(LOAD_STATUSES)),
            scheduled_ms=data.draw(TIMES),
            started_ms=data.draw(TIMES),
            ended_ms=9 if state in ("ended", "end_error") else None,
            exit_code=data.draw(st.none() | st.integers(-300, 300)),
            late=data.draw(st.booleans()),
            stopping=data.draw(st.booleans()),
            timed_out=data.draw(st.booleans()),
            message=data.draw(TEXTS),
            icons=tuple(icons),
            frames=(FrameRun(state="running", visit=2, started_ms=5),),
        )
        tx.runs.save(saved, range(3), [0])

    with store.snapshot() as view:
        assert loaded(view, saved) == saved
    store.close()


def test_only_what_is_named_is_saved(tx: Transaction) -> None:
    made = stored_run(tx)
    ended = IconRun(state="ended", visit=1, ended_ms=5)

    tx.runs.save(replace(made, icons=(ended,) * 3), [1], [])

    assert loaded(tx, made).icons == (UNTOUCHED, ended, UNTOUCHED)


def test_an_icon_can_go_back_to_untouched(tx: Transaction) -> None:
    made = stored_run(tx)
    tx.runs.save(replace(made, icons=(IconRun(state="ended", visit=1, ended_ms=5),) * 3), [0], [])

    tx.runs.save(made, [0], [])

    assert loaded(tx, made) == made


def test_runs_do_not_share_rows(tx: Transaction) -> None:
    first, second = stored_run(tx, RUN), stored_run(tx, RUN + 1, icons=5)
    one, other = (IconRun(state="ready", visit=visit) for visit in (1, 2))

    tx.runs.save(replace(first, icons=(one,) * 3), range(3), [])
    tx.runs.save(replace(second, icons=(other,) * 5), range(5), [])

    assert loaded(tx, first).icons == (one,) * 3
    assert loaded(tx, second).icons == (other,) * 5


def test_a_run_inserted_with_touched_icons_keeps_them(tx: Transaction) -> None:
    held = (UNTOUCHED, IconRun(method="hold"), UNTOUCHED)

    made = stored_run(tx, icons=3)
    other = replace(made, run_id=RUN + 1, occ=f"M:{RUN + 1}", icons=held)
    tx.runs.insert(other)

    assert loaded(tx, other).icons == held


def test_a_run_knows_the_documents_it_was_planned_from(tx: Transaction) -> None:
    main, sub = (tx.definitions.put("jobnet", document(name), by="ann", at_ms=1) for name in ("MAIN", "SUB"))
    tx.runs.insert(run(plan("MAIN", main, 2, {"SUB": sub})))
    tx.definitions.put("jobnet", document("SUB", memo="later"), by="ann", at_ms=2, replace=True)

    assert tx.runs.load(RUN).docs == {"MAIN": main, "SUB": sub}


def test_a_run_that_could_not_be_planned_is_recorded(tx: Transaction) -> None:
    tx.runs.insert(run(plan("GONE", 0, 0), state="end_error", load_status="load_error", ended_ms=5, message="no SUB"))

    row = tx.runs.row(RUN)

    assert row is not None
    assert (row.jobnet_id, row.load_status, row.message, row.doc_id) == ("GONE", "load_error", "no SUB", 0)


def test_a_run_is_found_by_its_occurrence(tx: Transaction) -> None:
    stored_run(tx, RUN)
    stored_run(tx, RUN + 1, occ="S:NIGHTLY:NIGHT:1700000000")

    assert tx.runs.find_by_occ(f"M:{RUN}") == RUN
    assert tx.runs.find_by_occ("S:NIGHTLY:NIGHT:1700000000") == RUN + 1
    assert tx.runs.find_by_occ(f"M:{RUN + 1}") is None
    assert tx.runs.find_by_occ("M:x") is None


def test_live_runs_are_those_not_over_and_not_set_aside(tx: Transaction) -> None:
    for number, state in enumerate(RUN_STATES):
        stored_run(tx, RUN + number, state=state, ended_ms=5 if state in ("ended", "end_error") else None)
    tx.runs.set_faulted(RUN + 1, "Traceback ...")

    assert tx.runs.live() == [RUN, RUN + 2, RUN + 4]
    row = tx.runs.row(RUN + 1)
    assert row is not None
    assert row.faulted == "Traceback ..."


def test_the_list_of_runs_is_filtered_and_paged_by_key(tx: Transaction) -> None:
    for number in range(20):
        stored_run(
            tx,
            RUN + number,
            jobnet_id="EVEN" if number % 2 == 0 else "ODD",
            user="ann" if number < 10 else "bob",
            state="run_error" if number == 7 else "running",
            created_ms=1_000 + number,
        )

    def found(**filters: object) -> list[int]:
        return [row.run_id - RUN for row in tx.runs.list(**filters)]  # type: ignore[arg-type]

    assert found(limit=3) == [19, 18, 17]
    assert found(limit=3, before=RUN + 17) == [16, 15, 14]
    assert found(jobnet="ODD", user="ann") == [9, 7, 5, 3, 1]
    assert found(states=["run_error"]) == [7]
    assert found(since_ms=1_003, until_ms=1_006) == [5, 4, 3]
    assert found(since_ms=5_000) == []
    assert found(jobnet="NEVER SEEN") == []


def test_a_run_that_does_not_exist_is_named(tx: Transaction) -> None:
    assert tx.runs.row(5) is None
    with pytest.raises(NoSuchObject, match="there is no run 5"):
        tx.runs.load(5)


def test_what_a_rolled_back_transaction_made_is_made_anew(store: Store) -> None:
    tx = store.begin()
    stored_run(tx, RUN, icons=7, user="never committed")
    tx.rollback()

    with store.transaction() as tx:
        first = stored_run(tx, RUN, icons=2, user="ann")
        second = stored_run(tx, RUN + 1, icons=2, user="bob")
        touched = (IconRun(state="ready", visit=1),) * 2
        tx.runs.save(replace(first, icons=touched), range(2), [])

    with store.snapshot() as view:
        assert loaded(view, first).icons == touched
        assert loaded(view, second) == second
        assert [row.user for row in view.runs.list()] == ["bob", "ann"]
