-- A reboot keeps other work away from its machine until it is over.

create table host_locks (
    agent_id text primary key check (agent_id <> ''),
    host text not null,                                     -- as the reboot names it
    k blob not null check (length(k) = 16),                 -- of the reboot
    run_id integer not null,
    path text not null,
    boot blob not null,                                     -- of the machine when it was sent; empty: not known
    since_ms integer not null
) strict;
