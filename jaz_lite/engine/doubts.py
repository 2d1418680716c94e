"""Doubts for people: what to look at before one is decided, for each reason of the one list (`model.run`)."""

from collections.abc import Mapping

from jaz_lite.model.run import DoubtReason

LOOK = "look on its machine at what it did"

WHAT_TO_DO: Mapping[DoubtReason, str] = {
    "lost": f"{LOOK}, or let its late result come",
    "setback": f"{LOOK}; nothing of it is started again by itself",
    "gap": f"{LOOK}; nobody else remembers it",
    "too_old": f"{LOOK}; `rerun` if it was not done since the copy was taken",
    "boot": f"{LOOK}; `rerun` if its disk was not set back",
    "agent_forgot": f"{LOOK}, and whether the records of its agent were touched",
    "revoked": f"{LOOK}; its agent is not asked any more",
    "cancelled_elsewhere": "it was withdrawn and did not run: `rerun` if it is wanted after all",
    "differs": "see whether what was executed then is good enough: `ended`, or `rerun` with what the definition says now",
    "foreign": "see on the machine of the agent that is named what it did: `ended` if that counts, else `rerun`",
    "no_witness": "see whether it was done: `ended` if it was, else `rerun`",
    "time": "`rerun` asks again as of now; see whether that is the way it is to go",
    "unheard": "bring the agent that is not heard back, or revoke it and decide",
}
