"""Any rows Job Arranger's tables can hold: all 20 icon types, gaps, unknown numbers and columns, odd passwords."""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jaz_lite.compat.jaz_codes import ICON_TYPE
from jaz_lite.compat.jaz_xml.fields import SETTINGS
from jaz_lite.compat.jaz_xml.tables import TABLES
from tests.unit.compat.jaz_rows import (
    VERSION,
    export,
    flow_row,
    icon_row,
    jobnet_row,
    read,
    row,
    settings_row,
    sorted_rows,
    told,
    written,
)

TEXT = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z"), include_characters="\n\t\r"), max_size=12
)
ID = st.text("AZaz09_-", min_size=1, max_size=8)
NUMBER = st.one_of(st.integers(0, 4), st.integers(0, 10**15)).map(str) | st.sampled_from(["00", "+1", "007"])
STAMP = st.sampled_from(["2024-11-08T12:31:37+06:30", "2024-11-08T12:31:37.5+09:00"])
BY_KIND = {"number": NUMBER, "text": TEXT, "id": ID, "stamp": STAMP}
EXTRAS = st.dictionaries(st.sampled_from(["new_column", "zz"]), TEXT, max_size=2)


@st.composite
def columns(draw, table, *fixed):
    """Values for the columns of a table but those that are fixed: each may be absent where the table allows it."""
    found = {}
    for column in TABLES[table].columns:
        if column.name in fixed or (not column.required and draw(st.booleans())):
            continue
        is_kind_of_days = column.name == "object_flag"
        found[column.name] = draw(st.sampled_from("01") if is_kind_of_days else BY_KIND[column.kind])
    return {**found, **draw(EXTRAS)}


KEY = ("jobnet_id", "job_id", "update_date")


@st.composite
def icon(draw, icon_id, code):
    """The rows of one icon."""
    kind = ICON_TYPE[code]
    control = draw(columns("ja_job_control_table", *KEY, "job_type"))
    found = [icon_row(icon_id, code, **control)]
    if kind in SETTINGS:
        table = SETTINGS[kind].table
        values = draw(columns(table, *KEY))
        found.append(settings_row(table, icon_id, **values))
    if kind == "job":
        for command in draw(st.sampled_from([["0"], ["0", "2"], ["00", "2"], ["0", "1", "2"]])):
            values = draw(columns("ja_job_command_table", *KEY, "command_cls"))
            found.append(settings_row("ja_job_command_table", icon_id, command_cls=command, **values))
    lists = {"job": ("ja_value_job_table", "ja_value_jobcon_table"), "variable": ("ja_icon_value_table",)}
    for table in lists.get(kind, ()):
        for name in draw(st.lists(ID, max_size=3, unique=True)):
            values = draw(columns(table, *KEY, "value_name"))
            found.append(settings_row(table, icon_id, value_name=name, **values))
    return found


@st.composite
def jobnets(draw):
    icons = {f"I{code}": code for code in range(20)}
    control = draw(columns("ja_jobnet_control_table", "jobnet_id", "update_date"))
    found = [jobnet_row(**{"user_name": None, "jobnet_name": None, "valid_flag": None, **control})]
    for icon_id, code in icons.items():
        found += draw(icon(icon_id, code))
    pairs = st.tuples(st.sampled_from(list(icons)), st.sampled_from(list(icons)))
    for source, target in draw(st.lists(pairs, max_size=5, unique=True)):
        values = draw(columns("ja_flow_control_table", "jobnet_id", "start_job_id", "end_job_id", "update_date"))
        found.append(flow_row(source, target, **values))
    return found


@st.composite
def schedules(draw):
    key = {"schedule_id": "S", "update_date": VERSION}
    found = [row("ja_schedule_control_table", **key, **draw(columns("ja_schedule_control_table", *key)))]
    for at in draw(st.lists(st.sampled_from(["0000", "2530", "9959", "905"]), max_size=3, unique=True)):
        values = {**draw(columns("ja_schedule_detail_table", *key, "boot_time")), "boot_time": at}
        found.append(row("ja_schedule_detail_table", **key, **values))
    for jobnet_id in draw(st.lists(ID, max_size=3, unique=True)):
        values = {**draw(columns("ja_schedule_jobnet_table", *key, "jobnet_id")), "jobnet_id": jobnet_id}
        found.append(row("ja_schedule_jobnet_table", **key, **values))
    return found


@st.composite
def calendars(draw):
    found = []
    for kind in ("calendar", "filter"):
        key = {f"{kind}_id": "C", "update_date": VERSION}
        table = f"ja_{kind}_control_table"
        found.append(row(table, **key, **draw(columns(table, *key))))
    for day in draw(st.lists(st.dates(), max_size=3, unique=True)):
        values = {"operating_date": f"{day:%Y%m%d}".zfill(8), **draw(EXTRAS)}
        found.append(row("ja_calendar_detail_table", calendar_id="C", update_date=VERSION, **values))
    return found


@settings(
    max_examples=60, phases=[Phase.generate], deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(jobnets(), schedules(), calendars(), st.randoms(use_true_random=False))
def test_any_rows_come_out_as_they_went_in(jobnet, schedule, calendar, chance):
    rows = [*jobnet, *schedule, *calendar]
    chance.shuffle(rows)
    data = export(*rows)

    found = read(data)
    assert [line for line in told(found) if line.startswith("error")] == []
    back, _ = written(found)

    assert sorted_rows(back) == sorted_rows(data)
    assert read(back).documents == found.documents
