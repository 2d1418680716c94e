"""The wire: frames, messages and the two ends of a session as pure state machines.

Both links have the shape of h11: feed bytes, get happenings, give commands, take bytes. They read no clock and no
randomness; `now` is monotonic seconds, nonces come as arguments.

    link.receive(data, now) -> list[Happening]      b"" means end of file
    link.tick(now) -> list[Happening]               to be called at link.deadline (seconds, may be inf) or later
    link.take() -> bytes                            what is to be sent now; b"" when nothing is
    link.state, link.closed

Any bytes whatsoever may be fed: a peer that breaks a rule gets an `error` frame and the caller gets `Closed`. Commands
after the close do nothing; commands that the state does not allow raise `LocalProtocolError`.

ServerLink(site: SiteIdentity, *, nonce: bytes 32, now, find_agent: (agent_id, kid) -> key | None, probe=False)
    welcome(*, ticket, spool, cursor, chain, peers=(), hb_s=10, limits_map={}, cfg={}, drain=False, wall_ns=0)
    dispatch(*, k, occ, path, att, run, kind, spec, start_by_s=None, desc={})      dispatch_room -> int
    kill(k, *, how, sig="TERM", grace_s=10, why="")   cancel(k, why)   query(k | None)   ack(n)
    out_ack(k, stream, offset)   out_req(k, stream, offset)   drain(on)   config(...)
    file_open(x, op, name, *, path, offset, size, mode, sha, after)   file_room -> int legs   has_leg(x)
    file_data(x, offset, data)   file_ack(x, offset)   file_end(x, size, sha)   file_give_up(x, code, msg)
    files_over(k, *, ok, code="", msg="")
    bye(code, msg="", *, addrs=(), retry_s=0)   error(code, msg="")

AgentLink(agent: AgentIdentity, facts: HelloFacts, *, nonce: bytes 32, now)
    accept_term()   stale(*, term, act, ticket, addrs=(), live_s=0)   probe_answer(*, term, act, ticket, live_s)
    events([packed, ...])   event_room -> int   inventory(items, more=False)   synced(head)
    output(k, stream, offset, data, eof=False)   output_room(k, stream) -> int bytes
    state_of(k, st, *, exit_code=None, conflict=False, why="")   refused(k, why, msg="")
    file_ok(opening, *, offset, size, mode, mtime_ms, sha)   file_names(opening, entries, *, more)
    file_data(opening, offset, data)   file_room(opening) -> int bytes   file_ack(opening, offset)
    file_end(opening, size, sha)   file_done(opening)   file_failed(opening, code, msg)
    bye(code, msg="", *, retry_s=0)   error(code, msg="")

What was written by commands given in one loop pass leaves with one `take`. Bulk (output, blobs, files) is let out in portions
of at most 64 KiB after the control frames, so a kill never waits behind a long output.
"""
