"""Whether a data directory can be trusted: nobody else may write in it, nor put another one in its place.

Who can write in a parent folder can rename the data directory away and leave one of his own there, and with it a
policy and work orders. Source: protocol.md section 12, T11.
"""

import os
import stat
import sys
from pathlib import Path

from jaz_lite.errors import JazLiteError

NOBODY = 65_534  # how a container shows owners that it does not know


def refuse_if_others_may_write(folder: Path) -> None:
    """Refuse a data directory that others could change.

    Raises:
        JazLiteError: the sentence names the folder and the hint the remedy.

    Notes:
        A parent that is sticky is fine (`/tmp`: everybody writes there, nobody renames what belongs to others), and so
        is a group that has only the owner in it. On Windows the folder is closed to others instead of being refused.
    """
    if sys.platform == "win32":
        _close_to_others(folder)
        return
    me = os.geteuid()
    folder = folder.resolve()
    for place in (folder, *folder.parents):
        seen = place.stat()
        if place == folder and seen.st_uid != me:
            raise JazLiteError(
                f"{folder} belongs to {_user_name(seen.st_uid)}, and this agent runs as {_user_name(me)}",
                hint="run the agent as the owner of its data directory",
            )
        if seen.st_uid not in (0, me, NOBODY):
            raise JazLiteError(
                f"{place}, where the data directory {folder} lies, belongs to {_user_name(seen.st_uid)}, who could put "
                "another one in its place",
                hint="move the data directory to a folder of your own or of root",
            )
        sticky = place != folder and seen.st_mode & stat.S_ISVTX
        if sticky or not _others_may_write(seen):
            continue
        if place == folder:
            raise JazLiteError(
                f"others may write in {folder}, so nothing in it can be trusted", hint=f"chmod 700 {folder}"
            )
        raise JazLiteError(
            f"others may write in {place}, so they could put another folder in the place of {folder}",
            hint=f"chmod go-w {place}, or move the data directory",
        )


def _others_may_write(seen: os.stat_result) -> bool:
    if seen.st_mode & stat.S_IWOTH:
        return True
    return bool(seen.st_mode & stat.S_IWGRP) and not _is_private_group(seen.st_gid, seen.st_uid)


def _is_private_group(gid: int, uid: int) -> bool:
    """Tell whether a group is the one of its own that many systems give every user."""
    if gid == 0:
        return True  # root's own
    import grp
    import pwd

    try:
        owner, group = pwd.getpwuid(uid), grp.getgrgid(gid)
    except (KeyError, ValueError):
        return False
    return owner.pw_gid == gid and group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}


def _user_name(uid: int) -> str:
    import pwd

    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except (KeyError, ValueError):
        return f"user number {uid}"


def _close_to_others(folder: Path) -> None:
    if sys.platform == "win32":
        from jaz_lite.agent.machine.local_windows import make_private

        try:
            make_private(str(folder))
        except OSError as error:
            raise JazLiteError(
                f"{folder} cannot be closed to other users: {error.strerror}",
                hint="run the agent as the owner of its data directory",
            ) from error
