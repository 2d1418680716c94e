"""The output of the jobs of one site: looked at while they run, counted when they end, sent as the server gives credit."""

from jaz_lite.agent.attempts import Attempt, OutputFacts
from jaz_lite.agent.core import AgentCore
from jaz_lite.agent.output_files import Capture, OutputFiles
from jaz_lite.agent.streams import Streams
from jaz_lite.wire.agent_core import AgentLink


class SiteOutput:
    """The output files of a site and how far each of them has travelled."""

    def __init__(self, files: OutputFiles) -> None:
        self._files = files
        self._capture = Capture(files)
        self._streams = Streams()

    def __len__(self) -> int:
        return len(self._streams)

    def find_unsent(self, core: AgentCore, bytes_max: int) -> None:
        """After a start: take up the output of ended jobs that the server may not have whole."""
        for k, stream in self._files.pending():
            attempt = core.attempts.get(k)
            if attempt is None or not attempt.is_open:
                # A lost job may have gone on writing: what is over the limit is not its output any more.
                self._streams.grown(k, stream, self._capture.size(k, stream, bytes_max), ended=True)

    # ---- the jobs

    def look(self, core: AgentCore) -> None:
        """See how much the jobs that run have written."""
        for k in core.running:
            bytes_max = core.output_limit(core.attempts[k])
            for stream in (1, 2):
                self._streams.grown(k, stream, self._capture.size(k, stream, bytes_max))

    def finish(self, attempt: Attempt, bytes_max: int) -> OutputFacts:
        """Return what a job that has ended left behind."""
        head = int((attempt.spec or {}).get("head") or 0)
        return self._capture.finish(attempt.k, head, bytes_max)

    def finished(self, attempt: Attempt, facts: OutputFacts) -> None:
        """The end of a job was taken in: its output will not grow any more."""
        if attempt.has_text:
            self._files.remove_texts(attempt.k)
        self._streams.grown(attempt.k, 1, facts.out, ended=True)
        self._streams.grown(attempt.k, 2, facts.err, ended=True)

    # ---- the server

    def acked(self, k: bytes, stream: int, offset: int) -> None:
        """The server has committed a stream up to `offset`."""
        self._streams.acked(k, stream, offset)

    def asked(self, k: bytes, stream: int, offset: int) -> None:
        """The server wants a stream from `offset` on."""
        self._streams.asked(k, stream, offset, self._files.size(k, stream))

    def restart(self) -> None:
        """A session begins: what was not acknowledged is sent again."""
        self._streams.restart()

    @property
    def wants(self) -> bool:
        """Whether there may be something to send."""
        return self._streams.wants

    def pump(self, link: AgentLink) -> bool:
        """Write the next piece into the link; True where more may follow when this one has left."""
        chunk = self._streams.next(link.output_room)
        if chunk is not None:
            k, stream, offset, size, eof = chunk
            data = self._files.read(k, stream, offset, size)
            if len(data) < size:
                # Somebody took the file away: what is not there can only be left out.
                if eof:
                    link.output(k, stream, offset, data, eof=True)
                self._streams.forget(k)
            else:
                link.output(k, stream, offset, data, eof=eof)
        for k, stream in self._streams.delivered():
            self._files.mark_had(k, stream)
        return chunk is not None

    def forget(self, before_ms: int) -> None:
        """Remove the files that the server has and that were last written before."""
        self._files.forget(before_ms)

    def shrink(self, bytes_max: int) -> int:
        """Remove the oldest files that the server has until `bytes_max` are left, if they suffice; return what is left."""
        kept = self._files.kept()
        total = sum(one.size for one in kept)
        for one in sorted(kept):
            if total <= bytes_max:
                break
            if one.had:
                self._files.forget_one(one)
                total -= one.size
        return total
