"""Jobs as another user (T10): real processes, started as the keeper starts them. Needs root and two ordinary users."""

import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jaz_lite.agent.machine import process_posix as process

pytestmark = pytest.mark.real
AS_ROOT = os.geteuid() == 0
TWO = [
    entry.pw_name
    for entry in pwd.getpwall()
    if entry.pw_name in ("nobody", "daemon", "bin", "games", "guest") and entry.pw_uid != 0
][:2]
needs_root = pytest.mark.skipif(not AS_ROOT, reason="needs root: only root may start processes as other users")
needs_users = pytest.mark.skipif(len(TWO) < 2, reason="needs two of the users nobody, daemon, bin, games, guest")


def told_by_the_system(name: str) -> list[str]:
    return subprocess.run(["id", "-G", name], check=True, capture_output=True, text=True).stdout.split()


class Finished:
    """What a job left."""

    def __init__(self, folder: Path, script: str, **order: Any) -> None:
        self.out_file = folder / "out"
        shebang = order.pop("file", False)
        if shebang:
            order |= {"argv": [f"{folder}/text"], "text": f"#!/bin/sh\n{script}", "text_path": f"{folder}/text"}
        else:
            order["argv"] = ["/bin/sh", "-c", script]
        whole = {"env": {}, "out": str(self.out_file), "err": f"{folder}/err", "deny_root": True, **order}
        pid, self.made = process.spawn(whole, {"PATH": os.environ["PATH"], "HOME": "/nonexistent"})
        if self.made:
            text = Path(self.made, "text").stat()
            self.text_mode, self.text_owner = stat.S_IMODE(text.st_mode), text.st_uid
            self.folder_mode = stat.S_IMODE(Path(self.made).stat().st_mode)
        _, status = os.waitpid(pid, 0)
        process.remove_text(self.made)
        self.code = os.waitstatus_to_exitcode(status)
        self.out = self.out_file.read_text()
        self.err = (folder / "err").read_text()


@needs_root
@needs_users
@pytest.mark.parametrize("name", TWO)
def test_a_job_has_the_numbers_and_groups_of_its_user_and_cannot_go_back(name: str, tmp_path: Path) -> None:
    user = pwd.getpwnam(name)

    job = Finished(tmp_path, "id -u; id -ru; id -g; id -G", user=name)

    uid, real, gid, groups = job.out.split("\n")[:4]
    assert (int(uid), int(real), int(gid)) == (user.pw_uid, user.pw_uid, user.pw_gid)
    assert sorted(map(int, groups.split())) == sorted(map(int, told_by_the_system(name)))
    assert 0 not in map(int, groups.split())


@needs_root
@needs_users
def test_a_job_sees_its_users_name_home_and_shell_unless_its_definition_says_otherwise(tmp_path: Path) -> None:
    user = pwd.getpwnam(TWO[0])

    seen = Finished(tmp_path, "echo $USER:$LOGNAME:$HOME:$SHELL", user=TWO[0]).out.strip().split(":")
    (tmp_path / "b").mkdir()
    said = Finished(tmp_path / "b", "echo $USER:$HOME", user=TWO[0], env={"HOME": "/tmp"}).out.strip()

    assert seen == [TWO[0], TWO[0], user.pw_dir or "/", user.pw_shell or "/bin/sh"]
    assert said == f"{TWO[0]}:/tmp"


@needs_root
@needs_users
def test_a_job_begins_in_its_users_home_or_in_the_root_folder(tmp_path: Path) -> None:
    home = pwd.getpwnam(TWO[0]).pw_dir

    job = Finished(tmp_path, "pwd", user=TWO[0])

    assert job.out.strip() == (os.path.realpath(home) if Path(home).is_dir() else "/")


@needs_root
@needs_users
def test_a_job_writes_its_output_though_it_cannot_reach_the_data_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    job = Finished(tmp_path, f"echo said; echo more >> /dev/stderr; ls {tmp_path} || echo shut out", user=TWO[0])

    assert job.out == "said\nshut out\n"
    assert job.err.startswith("more\n")


@needs_root
@needs_users
def test_a_job_text_is_readable_by_its_user_and_nobody_else(tmp_path: Path) -> None:
    job = Finished(tmp_path, "id -u; cat $0 > /dev/null && echo read", user=TWO[0], file=True)

    uid = pwd.getpwnam(TWO[0]).pw_uid
    assert job.out == f"{uid}\nread\n"
    assert (job.text_mode, job.folder_mode, job.text_owner) == (0o700, 0o700, uid)
    assert not Path(job.made).exists()


@needs_root
@needs_users
def test_two_users_cannot_read_each_others_texts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    folder = tmp_path / "a"
    order = {
        "argv": [f"{folder}/text"], "text": "#!/bin/sh\ntrue", "text_path": f"{folder}/text",
        "env": {}, "out": f"{folder}/out", "err": f"{folder}/err", "user": TWO[0], "deny_root": True,
    }  # fmt: skip
    pid, made = process.spawn(order, {})
    try:
        other = Finished(tmp_path / "b", f"cat {made}/text || echo shut out", user=TWO[1])
    finally:
        os.waitpid(pid, 0)
        process.remove_text(made)

    assert other.out == "shut out\n"


@needs_root
def test_a_device_that_takes_the_output_stays_whose_it_is(tmp_path: Path) -> None:
    order = {"argv": ["/bin/true"], "env": {}, "out": os.devnull, "err": os.devnull, "user": "nobody"}

    pid, _ = process.spawn(order, {"PATH": os.environ["PATH"]})

    os.waitpid(pid, 0)
    assert Path(os.devnull).stat().st_uid == 0


def test_an_unknown_user_is_named(tmp_path: Path) -> None:
    with pytest.raises(process.NotStarted, match='this machine has no user "no-such-user"') as caught:
        Finished(tmp_path, "true", user="no-such-user")

    assert caught.value.step == "user"


def test_root_is_denied_whatever_the_name_of_its_number(tmp_path: Path) -> None:
    root = pwd.getpwuid(0).pw_name

    with pytest.raises(process.NotStarted, match="lets no job ask for root"):
        Finished(tmp_path, "true", user=root)


@needs_root
def test_root_is_given_where_the_policy_allows_it(tmp_path: Path) -> None:
    assert Finished(tmp_path, "id -u", user=pwd.getpwuid(0).pw_name, deny_root=False).out == "0\n"


@needs_root
@needs_users
def test_an_agent_that_is_not_root_says_that_it_cannot_switch(tmp_path: Path) -> None:
    """In a child that has become an ordinary user, as such an agent is."""
    first, second = (pwd.getpwnam(name) for name in TWO)
    os.chown(tmp_path, first.pw_uid, first.pw_gid)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgid(first.pw_gid)
            os.setuid(first.pw_uid)
            try:
                process.spawn({"argv": ["true"], "env": {}, "out": "o", "err": "e", "user": second.pw_name}, {})
            except process.NotStarted as error:
                os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(writer)

    assert os.read(reader, 1000).decode() == f'the agent runs as "{TWO[0]}" and cannot start jobs as "{TWO[1]}"'
    os.close(reader)
