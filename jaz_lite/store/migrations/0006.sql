-- Spans are minutes; what is kept of the journal is what is kept of results.

update settings
    set name = replace(name, '_days', '_min'), value = cast(cast(value as integer) * 1440 as text)
    where name in ('keep_output_days', 'keep_runs_days', 'keep_superseded_days');

update settings
    set name = 'keep_results_min', value = cast(cast(value as integer) * 1440 as text)
    where name = 'keep_journal_days';

-- A number of days that nobody counts would be out of range as minutes: no span was meant to be that long.
update settings set value = '2147483647' where name like 'keep\_%\_min' escape '\' and cast(value as integer) > 2147483647;
