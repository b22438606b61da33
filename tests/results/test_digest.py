import pyarrow as pa
import pytest
from result_factory import random_result

from lob_backtest.contract.tables import (
    DIGEST_COLUMNS,
    OUTSIDE_DIGEST,
    RENAMED,
    UNUSED,
    schemas,
)
from lob_backtest.results.digest import covered, digest

EMPTY = "89974365cb579e530975012fad36a0d87254bbf46dd49718e2d445ac73664635"
"""Digest of a run without rows: what is hashed must not change, or saved results cannot be compared any more."""


@pytest.fixture(scope="module")
def tables():
    result = random_result(4)
    return {name: result.table(name) for name in (*DIGEST_COLUMNS, "series")}


def rechunked(table, rows):
    parts = [table.slice(at, rows) for at in range(0, table.num_rows, rows)]
    return pa.concat_tables([part.combine_chunks() for part in parts])


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_chunks_make_no_difference(tables, rows):
    assert digest({name: rechunked(table, rows) for name, table in tables.items()}) == digest(tables)


def test_slices_hash_as_what_they_hold(tables):
    padded = {name: pa.concat_tables([table, table]).slice(table.num_rows) for name, table in tables.items()}
    assert digest(padded) == digest(tables)


def changed(table, name, change):
    values = table[name].to_pylist()
    values[-1] = change(values[-1])
    index = table.schema.get_field_index(name)
    return table.set_column(index, table.schema.field(name), pa.array(values, table.schema.field(name).type))


@pytest.mark.parametrize("name", DIGEST_COLUMNS)
def test_every_column_counts(tables, name):
    for field in tables[name].schema:
        after = changed(tables[name], field.name, lambda v: f"{v}x" if isinstance(v, str) else (v or 0) + 1)
        assert digest({**tables, name: after}) != digest(tables), field.name


def test_a_null_is_not_a_zero(tables):
    zero = changed(tables["samples"], "bid_quote_ticks", lambda _: 0)
    null = changed(tables["samples"], "bid_quote_ticks", lambda _: None)
    assert digest({**tables, "samples": zero}) != digest({**tables, "samples": null})


def test_what_lies_under_a_null_does_not_count(tables):
    def samples(hidden):
        column = pa.Array.from_buffers(pa.int64(), 1, [pa.py_buffer(b"\0"), pa.array([hidden]).buffers()[1]])
        table = tables["samples"].slice(0, 1)
        return table.set_column(table.schema.get_field_index("mid2"), table.schema.field("mid2"), column)

    assert digest({**tables, "samples": samples(5)}) == digest({**tables, "samples": samples(6)})


def test_texts_do_not_run_into_each_other(tables):
    def fills(*tags):
        table = tables["fills"].slice(0, 2)
        return table.set_column(table.schema.get_field_index("tag"), table.schema.field("tag"), pa.array(tags))

    assert digest({**tables, "fills": fills("ab", "c")}) != digest({**tables, "fills": fills("a", "bc")})


def test_rows_in_another_order_are_another_run(tables):
    other = tables["bbo"].take(list(reversed(range(tables["bbo"].num_rows))))
    assert digest({**tables, "bbo": other}) != digest(tables)


def test_series_do_not_count(tables):
    assert digest({**tables, "series": tables["series"].slice(0, 0)}) == digest(tables)


def test_the_format_stays_what_it_is():
    empty = {name: schema.empty_table() for name, schema in schemas((1_000,)).items()}
    assert digest(empty) == EMPTY


@pytest.mark.parametrize("name", UNUSED)
def test_a_newer_column_counts_once_a_run_fills_it(tables, name):
    for column in UNUSED[name]:
        field = tables[name].schema.field(column)
        unused = pa.repeat(pa.scalar(UNUSED[name][column], field.type), tables[name].num_rows)
        before = tables[name].set_column(tables[name].schema.get_field_index(column), field, unused)
        assert digest({**tables, name: before}) == digest({**tables, name: before.drop_columns([column])})
        assert digest({**tables, name: changed(before, column, lambda _: 5)}) != digest({**tables, name: before})


@pytest.mark.parametrize("name", DIGEST_COLUMNS)
def test_every_column_is_either_in_the_digest_or_outside(name):
    """A new column is listed in `DIGEST_COLUMNS` and `UNUSED`, or in `OUTSIDE_DIGEST`."""
    schema = schemas((5, 50))[name]
    inside = [column for _, column in covered(name, schema)]
    assert sorted([*inside, *OUTSIDE_DIGEST.get(name, ())]) == sorted(schema.names)


def test_a_column_that_is_in_no_list_is_outside(tables):
    wider = tables["bbo"].append_column("surprise", pa.array(range(tables["bbo"].num_rows)))
    assert digest({**tables, "bbo": wider}) == digest(tables)


def test_the_order_of_the_schema_makes_no_difference(tables):
    turned = tables["orders"].select(tables["orders"].schema.names[::-1])
    assert digest({**tables, "orders": turned}) == digest(tables)


@pytest.mark.parametrize(("kind", "unused", "used"), [(pa.int64(), 0, 3), (pa.string(), "", "x"), (pa.int8(), None, 0)])
def test_a_newer_column_is_outside_while_it_has_its_unused_value(tables, monkeypatch, kind, unused, used):
    rows = tables["orders"].num_rows
    monkeypatch.setitem(DIGEST_COLUMNS, "orders", (*DIGEST_COLUMNS["orders"], "newer"))
    monkeypatch.setitem(UNUSED, "orders", {"newer": unused})

    def orders(last):
        return tables["orders"].append_column("newer", pa.array([unused] * (rows - 1) + [last], kind))

    assert digest({**tables, "orders": orders(unused)}) == digest(tables)
    assert digest({**tables, "orders": orders(used)}) != digest(tables)


def test_a_renamed_column_keeps_its_old_name_in_the_digest(tables, monkeypatch):
    names = ["lots" if name == "bid_lots" else name for name in tables["bbo"].schema.names]
    before = digest(tables)
    monkeypatch.setitem(RENAMED, "bbo", {"bid_lots": "lots"})
    assert digest({**tables, "bbo": tables["bbo"].rename_columns(names)}) == before
