"""Seeds that once found a fault in the product, and which. What a seed means changes with the simulator itself;
each fault also has a small test of its own where it was.
"""

SEEDS = {
    47: "a lost job went on writing behind the limit of its output, and that was sent",
    77: "the keeper died of a claim that was to be forgotten twice",
    484: "work that was refused while it was being stopped counted as failed, not as cancelled",
    582: "each refusal began a pause of its own, so that ever more attempts were made a second",
    1725: "a start took a full disk for its own refusal and went on in a dead transaction",
    1784: "events written by a killed agent were sent before they were durable",
    21567: "a run asked for while the last one ended waited for it for ever",
    24217: "the agent died of output that a power cut had made shorter than what the server had",
    200392: "a reboot whose command had failed counted as done, once the machine had been booted after it",
    100048: "a set-back agent that died between its welcome and the new log took the boot for one it knew, and started",
    300013: "work that was stopped before its agent was heard was called cancelled, though it had been done",
    300059: "output that only the lost server had was never asked for again",
    300060: "an agent that an earlier start had heard worked for its twin, and group work went elsewhere",
    300076: "the agent died of being asked for output that a power cut had taken from its file",
    300079: "an agent that dialled and was dialled at one moment was taken for two machines",
    300111: "output that is missing was asked for only once: a connection that broke then left it missing for good",
    300275: "a hello that was under way while an agent's first connection went on was taken for a second machine",
    300348: "an agent that said hello twice at its first contact began its log twice",
    300740: "two first hellos in one turn left both connections up, and the older one moved the cursor",
    300439: "stopped work of a group was withdrawn where it had been refused, and so was cancelled though another did it",
    301100: "work that was stopped, and that an earlier active had withdrawn, was stopping for ever",
    301730: "a directory that was set back within its first boot showed nobody what was done in the lost time",
    305038: "the oracle missed the tombstone of work that a copy came to only then",
    300017: "a file copy of a run that nobody knew waited on its agent for ever",
    60926: "work that had run before a power cut was refused, and so counted as never started",
}
