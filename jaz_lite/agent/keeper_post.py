"""The post between the sites of an agent and its one job keeper: whose claim is whose.

Pure. A site names a claim by the key of the attempt; the keeper knows it as `<site_uid>:<key>`, both in hex. So every
record that comes back goes to its own site and to no other, also one that the site itself has no record of.

A keeper that an earlier version of the agent started has claims without a site. They are offered to every site, and
are spoken of by the name that the keeper knows. A natural key is made from its site, so none but its own site can ever
ask for it.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

Message = list[Any]
MARK = ":"


class KeeperPost:
    """Puts the site into the names of claims on their way out, and takes it off on their way in.

    Args:
        tell: sends a batch to the keeper, or drops it where none is connected.
    """

    def __init__(self, tell: Callable[[tuple[Message, ...]], None]) -> None:
        self._tell = tell
        self._asked: deque[bytes] = deque()  # the sites that wait for the end of a list, in the order of their asking
        self._nameless: set[str] = set()  # claims of an earlier version

    def connected(self) -> None:
        """A keeper is there; what an earlier one was asked is not answered any more."""
        self._asked.clear()
        self._nameless.clear()

    def tell(self, site: bytes, messages: Iterable[Message]) -> None:
        """Send what a site wants to have told."""
        outgoing = []
        for message in messages:
            if message[0] == "list":
                self._asked.append(site)
                outgoing.append(message)
            elif message[0] == "forget":
                outgoing.append(["forget", *(self._outward(site, claim) for claim in message[1:])])
            elif len(message) > 1:
                outgoing.append([message[0], self._outward(site, message[1]), *message[2:]])
            else:
                outgoing.append(message)
        self._tell(tuple(outgoing))

    def _outward(self, site: bytes, claim: str) -> str:
        return claim if claim in self._nameless else f"{site.hex()}{MARK}{claim}"

    def sort(self, records: Iterable[Message], sites: Iterable[bytes]) -> dict[bytes, list[Message]]:
        """Return what the keeper says, by site; what belongs to a site that is not among `sites` is left out."""
        sorted_out: dict[bytes, list[Message]] = {site: [] for site in sites}
        names = {site.hex(): found for site, found in sorted_out.items()}
        for record in records:
            if record[0] == "list_end":
                # Only the last list that a site asked for is whole for it: before, it may have begun anew.
                asker = self._asked.popleft() if self._asked else None
                if asker in sorted_out and asker not in self._asked:
                    sorted_out[asker].append(record)
                continue
            if len(record) < 2 or not isinstance(record[1], str):
                continue
            uid, mark, claim = record[1].partition(MARK)
            if not mark:
                self._nameless.add(record[1])
                for found in sorted_out.values():
                    found.append(record)
            elif uid in names:
                names[uid].append(_inward(record, claim))
        return sorted_out


def _inward(record: Message, claim: str) -> Message:
    """Return a record under the name by which the site knows its claim."""
    if record[0] == "listed":
        return ["listed", claim, _inward(record[2], claim)]
    return [record[0], claim, *record[2:]]
