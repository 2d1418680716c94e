"""File copy: copies files of one folder from one host to another.

Source: JAZ icon FCOPY, code 14.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from jaz_lite.icons import _check
from jaz_lite.icons._not_in_build import begin, resume, stop
from jaz_lite.icons._promise import WHOLE, Place, Problem, Traits

name = "file_copy"
jaz_code = 14
traits = Traits(may_rerun=True, may_retry=True, available=False)

__all__ = ["Params", "begin", "check", "jaz_code", "name", "resume", "stop", "traits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What is copied, and where to."""

    source_host: str = ""
    source_host_from_variable: bool = False  # source_host is the name of a variable
    source_folder: str = field(default="", metadata=WHOLE)  # $NAME allowed
    source_file: str = field(default="", metadata=WHOLE)  # $NAME allowed; may hold * and ?
    target_host: str = ""
    target_host_from_variable: bool = False
    target_folder: str = field(default="", metadata=WHOLE)  # $NAME allowed
    overwrite: bool = False  # False refuses files that exist


def check(params: Params, place: Place) -> Iterable[Problem]:
    """Give the problems of the settings."""
    yield from _check.host(place, "source_host", params.source_host, params.source_host_from_variable)
    yield from _check.required(place, "source_folder", params.source_folder, _check.PATH_CHARS_MAX)
    yield from _check.required(place, "source_file", params.source_file, _check.PATH_CHARS_MAX)
    yield from _check.host(place, "target_host", params.target_host, params.target_host_from_variable)
    yield from _check.required(place, "target_folder", params.target_folder, _check.PATH_CHARS_MAX)
