-- A run that retention has taken apart is bare: only its result is left, its row and the lines of its journal.

alter table runs add column bare integer not null default 0 check (bare in (0, 1) and bare <= purging);
alter table runs add column version integer references names;   -- of a bare run: it lets go of its document

create index runs_whole on runs (ended_ms) where bare = 0 and ended_ms is not null;

drop index runs_jobnet;
create index runs_jobnet on runs (jobnet) where purging = 0;

drop index runs_doc;
create index runs_doc on runs (doc_id) where doc_id is not null;
