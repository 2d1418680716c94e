"""What icons know: system variables, what flows along, and how long a value may be."""

from jaz_lite.engine.variables import kept
from tests.unit.engine.playing import FIRST_RUN_ID, Site, job, jobnet, sets, sub


def test_the_first_icon_knows_all_about_its_run(site: Site) -> None:
    net = jobnet("start -> a -> end", a=job(name="load it"), name="nightly", owner="sato")
    run = site.start(net, scheduled_ms=site.clock.now_ms - 60_000, variables={"DAY": "1"})

    assert run.before("a") == {
        "DAY": "1",
        "JOBNET_ID": "NET",
        "JOBNET_NAME": "nightly",
        "USER_NAME": "sato",
        "MANAGEMENT_ID": str(FIRST_RUN_ID),
        "JOBNET_BOOT_TIME": "202611230930",
        "JOBNET_SCHEDULED_TIME": "202611230929",
        "JOB_ID": "a",
        "JOB_NAME": "load it",
        "CURRENT_TIME": "20261123093000",
        "JOB_ID_FULL": "NET/a",
    }


def test_icons_of_a_sub_jobnet_know_both_jobnets(site: Site) -> None:
    site.enable(jobnet("start -> work -> end", jobnet_id="SUB", work=job(), owner="ito"))
    run = site.start(jobnet("start -> s -> end", s=sub("SUB")))
    seen = run.before("s/work")

    assert seen["JOB_ID_FULL"] == "NET/s/work"
    assert seen["JOBNET_ID"] == "SUB"
    assert seen["USER_NAME"] == "ito"
    assert seen["MANAGEMENT_ID"] == str(FIRST_RUN_ID + 1)
    assert seen["JOBNET_BOOT_TIME"] == "202611230930"


def test_the_message_of_an_error_is_gone_at_the_next_icon(site: Site) -> None:
    run = site.start(jobnet("start -> a -> b -> end", a=job(stop_codes="1", continue_on_error=True), b=job()))
    site.agent().ends("a", exit_code=1)

    assert "JOBARG_MESSAGE" in run.icon("a").results
    assert "JOBARG_MESSAGE" not in run.before("b")
    assert run.before("b")["ICON_STATUS"] == "1"


def test_output_stays_that_of_the_last_job_until_it_is_overwritten(site: Site) -> None:
    run = site.start(jobnet("start -> a -> v -> b -> end", a=job(), v=sets(X="$STD_OUT"), b=job()))
    site.agent().ends("a", out="日本語\n")

    assert run.before("b")["STD_OUT"] == run.before("b")["X"] == "日本語\n"


def test_rows_of_a_variable_icon_do_not_see_each_other(site: Site) -> None:
    run = site.start(jobnet("start -> v -> w -> end", v=sets(A="1", B="$$A"), w=sets(A="2", C="$A", D="$B")))

    assert {name: run.before("end")[name] for name in "ABCD"} == {"A": "2", "B": "$A", "C": "1", "D": "$A"}


def test_a_variable_that_is_not_set_is_an_error_of_the_icon_that_copies_it(site: Site) -> None:
    run = site.start(jobnet("start -> v -> end", v=sets(A="$NOPE")))

    assert run.icon("v").state == "run_error"
    assert run.icon("v").message == "the variable NOPE is not set"


def test_a_value_is_cut_at_64000_bytes_on_a_character_boundary_and_marked(site: Site) -> None:
    run = site.start(jobnet("start -> a -> end", a=job()))
    # 21,334 characters of 3 bytes are 64,002 bytes; 21,333 of them are 63,999.
    site.agent().ends("a", out="本" * 21_334)

    assert run.icon("a").results["STD_OUT"] == "本" * 21_333
    assert run.icon("a").memo["cut"] == ["STD_OUT"]
    assert run.fact("values_cut").data["names"] == ["STD_OUT"]


def test_a_value_of_exactly_64000_bytes_is_kept() -> None:
    assert kept({"A": "x" * 64_000}) == ({"A": "x" * 64_000}, ())
    assert kept({"A": "x" * 64_001}) == ({"A": "x" * 64_000}, ("A",))


def test_nul_and_half_characters_are_taken_out_of_values() -> None:
    assert kept({"A": "a\0b", "B": "\ud800x"})[0] == {"A": "ab", "B": "?x"}
