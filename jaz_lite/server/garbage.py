"""Garbage: what a server has loaded stays, and only what comes is worth looking through, less often than Python would."""

import gc

THRESHOLDS = (50_000, 20, 50)


def keep_what_is_loaded() -> None:
    """Look through everything for the last time; may be called again when more is there to stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
