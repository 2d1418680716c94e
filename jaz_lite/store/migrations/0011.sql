-- How many transactions were committed, and which opening of the store committed the last one. Two copies with the same
-- mark and number hold the same.

create table commits (
    id integer primary key check (id = 1),
    mark blob not null check (length(mark) = 8),
    lsn integer not null check (lsn >= 0)
) strict;

insert into commits (id, mark, lsn) values (1, randomblob(8), 0);
