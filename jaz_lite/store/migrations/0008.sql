-- What was planned for the start of a run. Runs that started at once have no row here.

create table boots (
    run_id integer primary key references runs on delete cascade,
    schedule integer references names,                      -- null: a person asked for this time
    nominal_ms integer not null,
    late_start integer not null check (late_start between 0 and 3),
    grace_min integer not null check (grace_min >= 0),
    deadline_ms integer,
    held integer not null check (held between 0 and 2),
    deadline_missed integer not null check (deadline_missed in (0, 1))
) strict;
