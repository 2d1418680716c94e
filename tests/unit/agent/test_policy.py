"""The policy of an agent: what may stand in agent.toml, and what people are told when something else does."""

from pathlib import Path
from typing import Any

import pytest

from jaz_lite.agent.policy import SETTINGS, Policy, default_of, policy_from
from jaz_lite.agent.policy_file import read_policy, sample, tomllib, write_sample, write_server_policy
from jaz_lite.agent.policy_view import effective
from jaz_lite.errors import DefinitionError


def test_without_a_file_everything_is_the_default(tmp_path: Path) -> None:
    found = read_policy(tmp_path)

    assert found.policy == Policy()
    assert set(found.origins.values()) == {"default"}
    assert found.warnings == ()


def test_the_file_of_the_administrator_goes_before_that_of_the_server(tmp_path: Path) -> None:
    write_server_policy(tmp_path, Policy(par=3, shell="/bin/ksh"))
    (tmp_path / "agent.toml").write_text("par = 5\n")

    found = read_policy(tmp_path)

    assert (found.policy.par, found.policy.shell) == (5, "/bin/ksh")
    assert (found.origins["par"], found.origins["shell"], found.origins["queue"]) == (
        "agent.toml",
        "up.toml",
        "default",
    )


def test_a_name_that_no_setting_has_is_passed_over_and_the_nearest_one_named(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text('alow_users = ["x"]\npar = 2\n')

    found = read_policy(tmp_path)

    assert found.policy == Policy(par=2)
    assert found.warnings == (
        f'{tmp_path / "agent.toml"}: no setting is called "alow_users", so it is passed over; did you mean "allow_users"?',
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"par": 0}, "par must be a whole number from 1 to 10000, not 0"),
        ({"par": "8"}, "par must be a whole number from 1 to 10000, not '8'"),
        ({"par": True}, "par must be a whole number from 1 to 10000, not True"),
        ({"keep_days": -1}, "keep_days must be a whole number from 0 to 36500, not -1"),
        ({"out_bytes_max": 1.5}, "out_bytes_max must be a whole number of at least 0, not 1.5"),
        ({"durability": "maybe"}, 'durability must be one of "strict", "fast", not '),
        ({"allow_users": [1]}, "allow_users must be a list of user names, not [1]"),
        ({"allow_users": "ann"}, "allow_users must be a list of user names, not 'ann'"),
        ({"deny_root": 1}, "deny_root must be true or false, not 1"),
        ({"kinds": ["cmd", "format"]}, 'kinds must be a list of some of "cmd", "test", '),
        ({"file_roots": ["data"]}, 'file_roots must be a list of absolute folders, as in ["/data"], not'),
        ({"shell": ""}, "shell must be a text in quotes, not ''"),
        ({"default_user": "root"}, 'default_user must not be "root" while deny_root is on'),
    ],
)
def test_a_wrong_value_is_one_sentence_with_file_setting_and_what_is_expected(
    settings: dict[str, Any], expected: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        policy_from(settings, "agent.toml")

    assert caught.value.message.startswith(f"agent.toml: {expected}")


def test_a_file_that_is_no_toml_or_much_too_long_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    for text, expected in (("par: 3", "is no TOML"), ("#" * 65_537, "is larger than 65536 bytes")):
        path.write_text(text)

        with pytest.raises(DefinitionError, match=expected) as caught:
            read_policy(tmp_path)

        assert caught.value.message.startswith(str(path))


def test_the_sample_explains_every_setting_sets_none_and_is_right_when_uncommented(tmp_path: Path) -> None:
    assert write_sample(tmp_path)
    assert read_policy(tmp_path).policy == Policy()

    lines = [line.removeprefix("#") for line in sample().splitlines() if line.startswith("#") and line[1:2] != " "]
    uncommented = policy_from(tomllib.loads("\n".join(lines)), "sample")

    assert uncommented == Policy()
    assert len(lines) == len(SETTINGS)


def test_a_file_that_is_there_is_never_overwritten_by_the_sample(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text("par = 5\n")

    assert not write_sample(tmp_path)
    assert (tmp_path / "agent.toml").read_text() == "par = 5\n"


def test_what_is_in_force_is_told_with_its_origin(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text('allow_users = ["ann"]\n')

    rows = {row["name"]: row for row in effective(tmp_path)["settings"]}

    assert set(rows) == set(SETTINGS)
    assert (rows["allow_users"]["value"], rows["allow_users"]["origin"]) == (["ann"], "agent.toml")
    assert (rows["par"]["value"], rows["par"]["origin"]) == (default_of("par"), "default")
