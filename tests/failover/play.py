"""One round: accidents under load, a takeover, more accidents, and then everything is mended and judged."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.failover.accidents import Accidents
from tests.failover.load import Load
from tests.failover.site import FailoverSite
from tests.failover.steps import Steps
from tests.failover.switches import KINDS
from tests.failover.verdict import Verdict, judge
from tests.lab.parts import comes_true

SPAN_S = 5.0
AFTER_S = 2.0  # so long people go on after the takeover of a calm round
MANY = 4  # accidents before the takeover, at most; and after it


@dataclass
class Round:
    """What happened, for the line that is printed."""

    kind: str
    copy_age: str = ""
    accidents: Counter[str] = field(default_factory=Counter)
    verdict: Verdict = field(default_factory=Verdict)
    seconds: float = 0.0


def play(site: FailoverSite, number: int, seed: int, kind: str = "", *, calm: bool = False) -> Round:
    """Play a round and judge it; raises AssertionError with the first thing that is wrong.

    Args:
        kind: how another server takes over; "": chosen by chance. calm: a single accident before it, none after.
    """
    chance = random.Random(f"{seed} {number}")
    done = Round(kind or chance.choice(sorted(KINDS)))
    began = time.monotonic()
    accidents = Accidents(site, chance)
    before = site.witness.stat().st_size
    with Load(site, number, random.Random(f"load {seed} {number}")) as load:
        comes_true("jobs run", lambda: site.witness.stat().st_size > before)
        accidents.play(1 if calm else chance.randint(1, MANY), SPAN_S / 2 if calm else SPAN_S)
        steps = Steps(site, load, chance)
        KINDS[done.kind](steps)
        if calm:
            time.sleep(AFTER_S)
        else:
            accidents.play(chance.randint(0, MANY), SPAN_S)
        site.mend()
    done.copy_age, done.accidents = steps.copy_age, accidents.count
    done.verdict = judge(site)
    done.seconds = time.monotonic() - began
    return done
