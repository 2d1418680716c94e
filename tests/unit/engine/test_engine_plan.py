"""From definitions to a run: numbers, limits, and what is missing."""

import time
from dataclasses import replace

import pytest

from jaz_lite.engine import limits
from jaz_lite.engine.plan import PlanError, build, create, refused, single
from jaz_lite.errors import DefinitionError, NoSuchObject
from jaz_lite.model.jobnet import Flow, Icon, Jobnet
from tests.unit.engine.playing import SITE_UID, Site, icon, job, jobnet, sub


def _wide(jobnet_id: str, inner: str, count: int) -> Jobnet:
    """A jobnet with `count` sub-jobnets side by side."""
    names = [f"s{number}" for number in range(count)]
    flows = "\n".join(f"mts -> {name} -> mte" for name in names)
    icons = {name: sub(inner) for name in names}
    return jobnet(f"start -> mts\nmte -> end\n{flows}", jobnet_id=jobnet_id, **icons)


def test_icons_are_numbered_parents_first_and_always_alike(site: Site) -> None:
    site.enable(jobnet("start -> work -> end", jobnet_id="SUB", work=job()))
    net = jobnet("start -> s -> t -> end", s=sub("SUB"), t=sub("SUB"))
    plan = build(net, site.find, doc_id=7)

    assert [plan.path(node.number) for node in plan.nodes] == [
        "/START", "/s", "/t", "/end", "/s/START", "/s/work", "/s/end", "/t/START", "/t/work", "/t/end",
    ]  # fmt: skip
    assert [(frame.parent, frame.first, frame.last, frame.doc_id) for frame in plan.frames] == [
        (None, 0, 4, 7),
        (1, 4, 7, 1),
        (2, 7, 10, 1),
    ]
    assert [node.number for node in plan.nodes] == list(range(10))
    assert plan == build(net, site.find, doc_id=7)


def test_a_thousand_jobs_in_nested_sub_jobnets_are_planned_in_a_blink(site: Site) -> None:
    site.enable(
        jobnet("start -> work -> end", jobnet_id="ONE", work=job()),
        _wide("TEN", "ONE", 10),
        _wide("HUNDRED", "TEN", 10),
    )
    before = time.perf_counter()
    plan = build(_wide("THOUSAND", "HUNDRED", 10), site.find)
    took_s = time.perf_counter() - before

    assert len(plan.frames) == 1 + 10 + 100 + 1000
    assert sum(node.icon.type == "job" for node in plan.nodes) == 1000
    assert took_s < 0.5  # ten times what is wanted: the machine may be busy


def test_a_definition_is_looked_for_once_however_often_it_is_used(site: Site) -> None:
    site.enable(jobnet("start -> end", jobnet_id="ONE"))
    asked: list[str] = []

    def find(jobnet_id: str) -> tuple[Jobnet, int] | None:
        asked.append(jobnet_id)
        return site.find(jobnet_id)

    build(_wide("TEN", "ONE", 10), find)

    assert asked == ["ONE"]


def test_all_missing_sub_jobnets_are_named(site: Site) -> None:
    with pytest.raises(PlanError, match=r'no enabled version of "X" \(used by "NET"\), "Y"'):
        build(jobnet("start -> a -> b -> end", a=sub("X"), b=sub("Y")), site.find)


def test_jobnets_that_contain_each_other_are_refused(site: Site) -> None:
    site.enable(jobnet("start -> b -> end", jobnet_id="B", b=sub("A")))

    with pytest.raises(PlanError, match="A → B → A"):
        build(jobnet("start -> a -> end", jobnet_id="A", a=sub("B")), lambda name: site.find(name) or (looped, 0))


looped = jobnet("start -> a -> end", jobnet_id="A", a=sub("B"))


def test_a_run_that_would_be_too_large_is_refused_before_it_is_laid_out(site: Site) -> None:
    # 40 to the power of 4 leaves: millions of icons, from four small definitions.
    site.enable(jobnet("start -> end", jobnet_id="L0"))
    for level in range(1, 5):
        site.enable(_wide(f"L{level}", f"L{level - 1}", 40))

    with pytest.raises(PlanError, match=f"a run may have {limits.NODES_MAX}"):
        build(_wide("TOP", "L4", 2), site.find)


def test_sub_jobnets_may_not_be_nested_without_end(site: Site) -> None:
    site.enable(jobnet("start -> end", jobnet_id="L0"))
    for level in range(1, 40):
        site.enable(jobnet("start -> s -> end", jobnet_id=f"L{level}", s=sub(f"L{level - 1}")))

    with pytest.raises(PlanError, match="nested deeper than 12"):
        build(jobnet("start -> s -> end", s=sub("L39")), site.find)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net: replace(net, flows=(*net.flows, Flow(source="work", target="gone"))), "names gone"),
        (lambda net: replace(net, icons=(*net.icons, net.icons[1])), "two icons have the id work"),
        (lambda net: replace(net, icons=(Icon(icon_id="x", type="nonsense"),), flows=()), "no icon type"),
        (lambda net: replace(net, icons=(Icon(icon_id="a/b", type="loop"),), flows=()), "may hold only letters"),
        (lambda net: replace(net, icons=(icon("job", host=3),), flows=()), "is empty"),
    ],
)
def test_faults_in_a_definition_are_named(site: Site, change: object, message: str) -> None:
    net = change(jobnet("start -> work -> end", work=job()))  # type: ignore[operator]

    with pytest.raises(DefinitionError, match=message):
        build(net, site.find)


def test_one_job_can_be_run_by_itself(site: Site) -> None:
    net = jobnet("start -> a -> work -> end", a=job(), work=job(script="once", mark="hold"), public=True, timeout_min=3)
    alone = single(net, "/work")

    assert (alone.jobnet_id, alone.name, alone.public, alone.timeout_min) == ("RUN_JOB_work", "NET/work", False, 0)

    run = site.start(alone, origin="single")

    assert run.order("work").spec["script"] == "once"

    site.agent().ends("work")

    assert run.state == "ended"


def test_only_a_job_can_be_run_by_itself() -> None:
    with pytest.raises(PlanError, match="only a job runs alone"):
        single(jobnet("start -> end"), "end")
    with pytest.raises(NoSuchObject, match='has no icon "nope"'):
        single(jobnet("start -> end"), "nope")


def test_a_jobnet_that_cannot_be_planned_leaves_a_run_that_says_so() -> None:
    run = refused(
        jobnet("start -> end"), "gone", run_id=1, occ="M:1", site_uid=SITE_UID, origin="manual", user="kato", now_ms=5
    )

    assert (run.state, run.load_status, run.message) == ("end_error", "load_error", "gone")
    assert run.started_ms == run.ended_ms == 5


def test_design_time_marks_are_in_the_run_from_the_beginning(site: Site) -> None:
    net = jobnet("start -> a -> b -> end", a=job(mark="hold"), b=job(mark="skip"), end=icon("end", hold=True))
    run = create(build(net, site.find), run_id=1, occ="M:1", site_uid=SITE_UID, origin="hold", user="kato", now_ms=0)

    assert [each.method for each in run.icons] == ["hold", "hold", "skip", "hold"]
