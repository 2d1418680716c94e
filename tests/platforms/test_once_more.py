"""What runs on an emulator gets a second try, and says so."""

from tests.platforms.once_more import once_more


def tried(*codes: int) -> tuple[int, int, list[str]]:
    """Return the exit code, how often the tests ran, and what was said, for tests that end so."""
    left, said = list(codes), []
    code = once_more(lambda: left.pop(0), said.append)
    return code, len(codes) - len(left), said


def test_what_passes_is_run_once_and_nothing_is_said() -> None:
    assert tried(0, 0) == (0, 1, [])


def test_what_fails_twice_has_failed() -> None:
    code, times, said = tried(1, 1, 0)

    assert (code, times, len(said)) == (1, 2, 1)


def test_what_passes_the_second_time_is_told() -> None:
    code, times, said = tried(1, 0)

    assert (code, times) == (0, 2)
    assert "worth a look" in said[-1]


def test_what_could_not_even_run_gets_no_second_try() -> None:
    assert tried(2, 0) == (2, 1, [])
