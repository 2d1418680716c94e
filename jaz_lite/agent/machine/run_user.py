"""The user that a job runs as on POSIX systems: looked up in the user database, and switched to in the child.

The job keeper loads this module: standard library only, and little of it. No password is asked for or kept; who may
switch users is root, and nobody else. Source: protocol.md 6.2 and section 12, T10; JAZ's run user and JaCommandUser.
"""

import errno
import os
from typing import NamedTuple


class UserRefused(Exception):
    """The job cannot run as asked; the text is a sentence."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class RunUser(NamedTuple):
    """Whom a job runs as; `switch` is False where that is who we are already."""

    name: str
    uid: int
    gid: int
    groups: "tuple[int, ...]"
    home: str
    shell: str
    switch: bool

    def environment(self) -> "dict[str, str]":
        """Return what a login would set."""
        return {
            "HOME": self.home or "/",
            "USER": self.name,
            "LOGNAME": self.name,
            "SHELL": self.shell or "/bin/sh",
        }

    def become(self) -> None:
        """Switch this process, for good; groups first, since afterwards nothing may be changed any more."""
        os.setgroups(self.groups)
        os.setgid(self.gid)
        os.setuid(self.uid)

    def enter_home(self) -> None:
        """Go where a login would begin, or to `/` where that is not to be had."""
        try:
            os.chdir(self.home or "/")
        except OSError:
            os.chdir("/")


def find(name: str, *, deny_root: bool) -> RunUser:
    """Return the user a job asks for.

    Args:
        deny_root: refuse every name of the user with the number 0.

    Raises:
        UserRefused: there is no such user, it is not allowed, or we may not switch to it.
    """
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise UserRefused(errno.ENOENT, f'this machine has no user "{name}"') from None
    if deny_root and entry.pw_uid == 0:
        raise UserRefused(
            errno.EPERM, f'user "{name}" is root, and the policy of this agent lets no job ask for root (deny_root)'
        )
    me = os.geteuid()
    switch = entry.pw_uid != me
    if switch and me != 0:
        raise UserRefused(errno.EPERM, f'the agent runs as "{_name_of(me)}" and cannot start jobs as "{name}"')
    groups = _groups_of(name, entry.pw_gid) if switch else ()
    return RunUser(entry.pw_name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir, entry.pw_shell, switch)


def _groups_of(name: str, gid: int) -> "tuple[int, ...]":
    if hasattr(os, "getgrouplist"):
        return tuple(os.getgrouplist(name, gid))
    import grp  # HP-UX, for one, has no call for it

    return (gid, *(group.gr_gid for group in grp.getgrall() if name in group.gr_mem and group.gr_gid != gid))


def _name_of(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, ValueError):
        return str(uid)
