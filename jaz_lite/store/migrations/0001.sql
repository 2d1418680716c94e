-- The first format. Times are integer milliseconds UTC, states are numbers (the lists stand beside the noun that
-- uses them), names that repeat are numbers of the table `names`. Maps are msgpack.

create table upgrades (
    number integer primary key,
    needs text not null,        -- the first version of the program that knows this format
    at_ms integer not null
) strict;

create table names (
    id integer primary key,
    name text not null unique
) strict;

create table counters (
    name text primary key,
    value integer not null
) strict;

insert into counters (name, value) values ('icons', 1);

create table site (
    id integer primary key check (id = 1),
    site_uid blob not null check (length(site_uid) = 16),
    server_id text not null check (length(server_id) between 1 and 64),
    epoch integer not null check (epoch between 1 and 4095),
    boot integer not null check (boot between 0 and 524287),
    act blob check (length(act) = 8),
    last_tick_ms integer
) strict;

create table settings (
    name text primary key,
    value text not null check (json_valid(value))
) strict;

-- ---- definitions: a row is never changed in content; a replaced or deleted one stays while runs refer to it

create table definitions (
    doc_id integer primary key autoincrement,   -- never used twice: runs and caches hold on to it
    kind integer not null check (kind between 0 and 3),
    object_id text not null check (object_id <> ''),
    version text not null check (version <> ''),
    enabled integer not null default 0 check (enabled in (0, 1)),
    name text not null,
    public integer not null check (public in (0, 1)),
    owner text not null,
    icons integer not null check (icons >= 0),
    saved_ms integer not null,
    saved_by text not null,
    superseded_ms integer,
    superseded_by text,
    superseded_why integer check (superseded_why in (0, 1)),
    size integer not null,
    document blob not null,
    check ((superseded_ms is null) = (superseded_by is null)),
    check ((superseded_ms is null) = (superseded_why is null)),
    check (superseded_ms is null or enabled = 0)
) strict;

create index definitions_object on definitions (kind, object_id, version);
create unique index definitions_version on definitions (kind, object_id, version) where superseded_ms is null;
create unique index definitions_enabled on definitions (kind, object_id) where enabled = 1;
create index definitions_superseded on definitions (superseded_ms) where superseded_ms is not null;

create table definition_refs (
    doc_id integer not null references definitions on delete cascade,
    kind integer not null check (kind between 0 and 3),
    object_id text not null
) strict;

create index definition_refs_doc on definition_refs (doc_id);
create index definition_refs_object on definition_refs (kind, object_id);

-- ---- runs

create table runs (
    run_id integer primary key check (run_id > 0),
    jobnet integer not null references names,
    doc_id integer references definitions,      -- null: it could not even be planned
    frames integer not null check (frames >= 1),
    icons integer not null check (icons >= 0),
    first_icon integer not null check (first_icon > 0),     -- icon n is row first_icon + n of `icons`
    occ text,                                               -- null: M:<run_id>
    icon_path text not null,                                -- of a single icon run, else ''
    origin integer not null check (origin between 0 and 6),
    user integer not null references names,
    state integer not null check (state between 0 and 5),
    job_status integer not null check (job_status between 0 and 2),
    load_status integer not null check (load_status between 0 and 3),
    scheduled_ms integer,
    created_ms integer not null,
    started_ms integer,
    ended_ms integer,
    exit_code integer,
    late integer not null check (late in (0, 1)),
    stopping integer not null check (stopping in (0, 1)),
    timed_out integer not null check (timed_out in (0, 1)),
    purging integer not null default 0 check (purging in (0, 1)),   -- retention has begun to remove its rows
    message text not null,
    faulted text not null,
    start_variables blob,
    check ((state in (3, 5)) = (ended_ms is not null)),
    check (purging = 0 or ended_ms is not null)
) strict;

create unique index runs_occ on runs (occ) where occ is not null;
create index runs_jobnet on runs (jobnet);
create index runs_doc on runs (doc_id);
create index runs_live on runs (run_id) where state not in (3, 5);
create index runs_error on runs (run_id) where state in (4, 5);

-- The documents of the sub-jobnets of a run, beside its own.
create table run_docs (
    run_id integer not null references runs on delete cascade,
    doc_id integer not null references definitions
) strict;

create index run_docs_run on run_docs (run_id);
create index run_docs_doc on run_docs (doc_id);

-- Frame n of a run is row run_id + n: the management id of the sub-jobnet.
create table frames (
    id integer primary key,
    state integer not null check (state between 0 and 5),
    visit integer not null check (visit >= 0),
    started_ms integer,
    ended_ms integer,
    check (state not in (3, 5) or ended_ms is not null)
) strict;

-- Only icons that were touched have a row. The wide columns stand last, so that states are read without them.
create table icons (
    id integer primary key,
    state integer not null check (state between 0 and 6),
    method integer not null check (method between 0 and 4),
    visit integer not null check (visit >= 0),
    attempt integer not null check (attempt >= 0),
    arrivals integer not null check (arrivals >= 0),
    started_ms integer,
    ended_ms integer,
    exit_code integer,
    continued integer not null check (continued in (0, 1)),
    timed_out integer not null check (timed_out in (0, 1)),
    work blob check (length(work) = 16),
    message text not null,
    doubt blob,
    memo blob,
    results blob,
    before blob,
    check (state not in (3, 5) or ended_ms is not null)
) strict;

create table timers (
    id integer primary key,
    run_id integer not null references runs on delete cascade,
    node integer not null check (node >= -1),       -- -1: a timer of the run itself
    name text not null check (name <> ''),
    due_ms integer not null
) strict;

create unique index timers_name on timers (run_id, node, name);
create index timers_due on timers (due_ms);

-- ---- work on agents

create table agents (
    id integer primary key,
    agent_id text not null unique check (length(agent_id) between 1 and 64),
    kid integer not null check (kid >= 0),
    key text not null,                              -- sealed with the secret key of the data directory
    spool blob check (length(spool) = 16),
    cursor integer not null check (cursor >= 0),
    chain blob not null check (length(chain) = 16),
    boot blob,
    confirmed_term integer,
    conn integer not null,
    addrs blob not null,
    dial text not null,
    state integer not null check (state between 0 and 3),
    version text not null,
    os text not null,
    arch text not null,
    seen_ms integer,
    created_ms integer not null
) strict;

create table hosts (
    host text primary key check (host <> ''),
    agent_id text not null check (agent_id <> ''),
    enabled integer not null check (enabled in (0, 1)),
    encoding text not null,
    memo text not null
) strict;

create table attempts (
    id integer primary key,
    k blob not null check (length(k) = 16),
    run_id integer not null,                        -- of an adopted attempt, a run this file may not know
    node integer not null check (node >= -1),
    visit integer not null check (visit >= 0),
    key_path text not null,
    attempt integer not null check (attempt between 1 and 65535),
    occ text,                                       -- null: M:<run_id>
    agent integer not null references names,
    host integer not null references names,
    kind integer not null references names,
    state integer not null check (state between 0 and 9),
    digest blob not null,
    spec blob not null,
    boot_sent blob,
    term_sent integer,
    exit_code integer,
    signal integer,
    why text not null,
    message text not null,
    created_ms integer not null,
    sent_ms integer,
    accepted_ms integer,
    started_ms integer,
    ended_ms integer,
    out_bytes integer not null check (out_bytes >= 0),
    err_bytes integer not null check (err_bytes >= 0),
    origin integer not null check (origin in (0, 1)),
    check (state not in (5, 6, 8) or ended_ms is not null),
    check (state > 4 or ended_ms is null)
) strict;

create unique index attempts_k on attempts (k);
create index attempts_run on attempts (run_id);
create index attempts_open on attempts (agent) where state not in (5, 6, 8);

create table output (
    id integer primary key,
    attempt integer not null references attempts on delete cascade,
    stream integer not null check (stream in (1, 2)),
    off integer not null check (off >= 0),
    size integer not null check (size > 0),         -- of the text; `data` is shorter where it is compressed
    data blob not null,
    check (length(data) <= size)
) strict;

create unique index output_place on output (attempt, stream, off);

-- ---- what people are told

create table journal (
    id integer primary key,     -- readers go on from the last id they saw; retention always leaves the newest row
    at_ms integer not null,
    run_id integer,
    path integer not null references names,
    kind integer not null references names,
    severity integer not null check (severity between 0 and 2),
    jaz_code integer not null references names,
    data blob
) strict;

create index journal_run on journal (run_id) where run_id is not null;
