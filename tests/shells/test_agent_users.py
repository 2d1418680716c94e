"""Jobs as other users through the whole agent: policy, keeper, process, and what the server is told (T10, T11)."""

import os
import pwd
import stat
from pathlib import Path

import pytest

from tests.shells.small_server import agent_at, small_server

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root may start processes as other users"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agent"


def policy(folder: Path, text: str) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "agent.toml").write_text(text)


async def test_a_job_runs_as_the_user_it_names_and_leaves_nothing_in_shared_folders(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("file", "#!/bin/sh\necho $0; id -u; id -G; pwd\n", user="nobody", head=500)

        _, fields = await server.end_of(k)
        text, uid, groups, place = fields["out_head"].decode().splitlines()
        assert (int(uid), int(groups)) == (nobody.pw_uid, nobody.pw_gid)
        assert place == (os.path.realpath(nobody.pw_dir) if Path(nobody.pw_dir).is_dir() else "/")
        assert not Path(text).parent.exists()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_job_that_names_no_user_runs_as_the_default_one(folder: Path) -> None:
    policy(folder, 'default_user = "nobody"\n')
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("whoami", "id -un", head=100)

        _, fields = await server.end_of(k)
        assert fields["out_head"] == b"nobody\n"


@pytest.mark.parametrize(
    ("settings", "user", "sentence"),
    [
        ("", "root", 'the policy of this agent lets no job ask for user "root" (deny_root)'),
        ("", "no-such-user", 'this machine has no user "no-such-user"'),
        ('allow_users = ["daemon"]\n', "nobody", 'does not let jobs run as user "nobody" (allow_users)'),
    ],
)
async def test_a_user_that_may_not_or_cannot_be_is_told_and_nothing_is_started(
    folder: Path, settings: str, user: str, sentence: str
) -> None:
    policy(folder, settings)
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("refused", "echo started", user=user)

        name, fields = await server.end_of(k)
        assert (name, fields["why"]) == ("failed", "user")
        assert sentence in fields["msg"]


async def test_work_of_a_kind_that_the_policy_does_not_allow_is_refused_without_a_record(folder: Path) -> None:
    policy(folder, 'kinds = ["test"]\n')
    async with small_server(folder) as server, agent_at(folder):
        await server.until_up()

        k = server.dispatch("refused", "echo started")
        await server.until(lambda: bool(server.refusals))

        assert (server.refusals[0].k, server.refusals[0].why) == (k, "kind")
        assert server.refusals[0].msg == "the policy of this agent allows no work of kind cmd (kinds)"
        assert server.names(k) == []
