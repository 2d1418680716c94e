-- Hosts may be groups of hosts and SSH targets; agents have limits of the server's and tell more of themselves.

create table hosts_with_kinds (
    host text primary key check (host <> ''),
    kind integer not null check (kind between 0 and 2),     -- agent, group, ssh
    agent_id text not null,
    address text not null,
    port integer not null check (port between 1 and 65535),
    user text not null,
    enabled integer not null check (enabled in (0, 1)),
    encoding text not null,                                 -- '': that of the agent
    memo text not null,
    check ((kind = 0) = (agent_id <> '')),
    check ((kind = 2) = (address <> ''))
) strict;

insert into hosts_with_kinds
    select host, 0, agent_id, '', 22, '', enabled, case encoding when 'utf-8' then '' else encoding end, memo from hosts;
drop table hosts;
alter table hosts_with_kinds rename to hosts;

create table host_members (
    host text not null references hosts on delete cascade,
    place integer not null check (place >= 0),
    member text not null check (member <> '')
) strict;

create unique index host_members_host on host_members (host, place);
create index host_members_member on host_members (member);

alter table agents add column par_max integer check (par_max >= 1);         -- null: what the agent says
alter table agents add column queue_max integer check (queue_max >= 0);
alter table agents add column par integer;                                  -- what the agent said last
alter table agents add column queue integer;
alter table agents add column peer text not null default '';                -- its address, as last seen
alter table agents add column encoding text not null default '';            -- of the output of its jobs
alter table agents add column clock_offset_ms integer;                      -- how much its clock is ahead of ours
alter table agents add column spool_bytes integer;
alter table agents add column free_bytes integer;
alter table agents add column running integer;

-- The group an attempt may still go elsewhere in, if it is refused; null: its host is one agent.
alter table attempts add column host_group integer references names;
