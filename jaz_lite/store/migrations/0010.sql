-- The uncertainty window: what may have been done, by an earlier active or an earlier life of this directory, that this
-- file knows nothing of.

create table windows (
    id integer primary key,
    from_ms integer not null,
    until_ms integer not null check (until_ms >= from_ms),
    epoch integer not null check (epoch between 1 and 4095),
    reason integer not null check (reason in (0, 1)),
    too_old integer not null check (too_old in (0, 1)),     -- it reaches back to before what agents remember
    closed_ms integer
) strict;

-- What agents are worth as witnesses of the window. `no_proof`: why having no record of an attempt proves nothing.
create table witnesses (
    agent_id text primary key check (agent_id <> ''),
    heard_ms integer,                                       -- when all that it knows had been told; null: not yet
    no_proof text not null
) strict;

-- Attempts that only agents know of, until a run takes them as its own. `ended` is the event that ended it (msgpack).
create table adopted (
    attempt integer primary key references attempts on delete cascade,
    jobnet text not null,                                   -- '': its agent did not say
    ended blob,
    shown integer not null default 0 check (shown in (0, 1))    -- a run record shows it
) strict;

create index attempts_adopted on attempts (occ) where origin = 1;

-- When an earlier active may have begun to do something of this run that is not known here; null: none ever had it.
alter table runs add column replayed_since_ms integer;

alter table agents add column keep_s integer;               -- how long it keeps what was acknowledged
alter table site add column tick_before_ms integer;         -- the last tick of the process before this one
