-- Where servers may dial an agent, as it said at its last connection; a server that takes over finds it there.

alter table agents add column listen_port integer not null default 0 check (listen_port between 0 and 65535);

-- To which agent a name of the server's own machine led before a takeover on another machine: what an earlier active may
-- have given to that agent must not be given to another one.
create table hosts_before (
    host text not null check (host <> ''),
    epoch integer not null check (epoch between 1 and 4095),    -- the one that the takeover began
    agent_id text not null check (agent_id <> ''),
    primary key (host, epoch)
) strict;
