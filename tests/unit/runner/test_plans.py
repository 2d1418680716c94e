"""Plans are kept once for all runs of the same documents, and made anew when what is enabled changes."""

from jaz_lite.model.jobnet import Icon
from tests.unit.runner.scheduling import disable, enable, newer, schedule
from tests.unit.runner.site import Site, chained


def plans(site: Site) -> list[int]:
    return [id(run.plan) for run in site.turns.live]


def test_planned_runs_of_one_jobnet_share_their_plan(site: Site) -> None:
    schedule(site, "NIGHTLY", every_min=10)

    assert len(plans(site)) == 6
    assert len(set(plans(site))) == 1


def test_planned_runs_share_their_plan_after_a_restart_as_well(site: Site) -> None:
    schedule(site, "NIGHTLY", every_min=10)
    site.restart()
    site.settle()

    assert len(set(plans(site))) == 1


def test_a_new_version_of_a_sub_jobnet_is_in_what_is_planned_from_then_on(site: Site) -> None:
    sub = chained("SUB")
    enable(site, sub, chained("LOAD", Icon(icon_id="SUB", type="sub_jobnet", params={"jobnet_id": "SUB"})))
    schedule(site, "NIGHTLY", "0800")
    enable(site, newer(sub, name="second"))
    schedule(site, "OTHER", "0800")

    names = {run.boot.schedule_id: run.plan.frames[1].jobnet.name for run in site.turns.live if run.boot}
    assert names == {"NIGHTLY": "", "OTHER": "second"}


def test_a_sub_jobnet_that_is_disabled_is_a_load_error_although_the_plan_was_known(site: Site) -> None:
    enable(site, chained("SUB"), chained("LOAD", Icon(icon_id="SUB", type="sub_jobnet", params={"jobnet_id": "SUB"})))
    schedule(site, "NIGHTLY", "0800")
    disable(site, "jobnet", "SUB")
    schedule(site, "OTHER", "0800")

    with site.store.snapshot() as view:
        found = {row.boot.schedule_id: row.load_status for row in view.runs.list() if row.boot}
    assert found == {"NIGHTLY": "normal", "OTHER": "load_error"}
