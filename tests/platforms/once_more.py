"""A second try for what runs on somebody else's machine.

Emulators lose the odd race of their own (a signal, a handle, a clock that stands still for a second). What fails twice
is ours; what fails once is told, so that it can be counted.
"""

from collections.abc import Callable

SOME_TEST_FAILED = 1  # as pytest says it; anything else is no race


def once_more(tests: Callable[[], int], say: Callable[[str], None]) -> int:
    """Run the tests, and once more if one failed; return the exit code of the last run."""
    code = tests()
    if code != SOME_TEST_FAILED:
        return code
    say("a test FAILED; all of these once more, to tell our faults from the emulator's")
    code = tests()
    if code == 0:
        say("passed the second time only: the failure above is worth a look")
    return code
