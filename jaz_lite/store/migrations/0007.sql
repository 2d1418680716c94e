-- How far the times of schedules have been decided: each up to its mark, and all of them up to the mark of the site.

create table schedule_marks (
    schedule_id text primary key check (schedule_id <> ''),
    decided_ms integer not null
) strict;

alter table site add column schedules_decided_ms integer;
