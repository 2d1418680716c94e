-- The newest copy that was taken of this directory: how much a takeover from it would lose.

create table last_copy (
    id integer primary key check (id = 1),
    taken_ms integer not null,
    place text not null check (place <> '')
) strict;
