"""The terminal's summary and the HTML page."""

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from result_factory import instrument, random_result, result_of
from rich.console import Console

from lob_backtest.errors import OutputError
from lob_backtest.report.show.downsample import Span, keep_extremes
from lob_backtest.report.show.page import _safe, page
from lob_backtest.report.show.sections import Section, digits_for, money_section, number, span
from lob_backtest.report.show.terminal import render
from lob_backtest.result import Result

HOSTILE = "</script><script>alert(1)</script>"


def printed(result, *, full=True, width=80):
    out = io.StringIO()
    render(result, Console(file=out, width=width), full=full)
    return out.getvalue()


def brief(result, width=80):
    return printed(result, full=False, width=width)


@pytest.fixture(scope="module")
def result():
    return random_result(5, fills=200, instruments=(instrument(max_position_lots=50),))


@pytest.fixture(scope="module")
def html(result):
    return page(result)


def test_the_terminal_says_first_where_the_money_came_from(result):
    text = printed(result)
    titles = (
        "Where the money came from",
        "Realized",
        "Fills by cause",
        "Markouts:",
        "Inventory (lots)",
        "Orders\n",
        "Data and engine",
    )
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert "Check: parts sum to P&L exactly (residual 0)." in text
    assert result.digest in text


@pytest.mark.parametrize("full", [False, True])
def test_the_terminal_is_plain_in_80_columns(result, full):
    text = printed(result, full=full)
    assert "\x1b" not in text
    assert "…" not in text.replace(" … ", "")  # nothing is cut; an ellipsis between spaces is a range
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("full", [False, True])
def test_no_figure_is_cut_in_a_narrow_terminal(result, full):
    assert printed(result, width=40, full=full) == printed(result, full=full)


FACTS = {
    "fees": {"maker_bps": "-0.2", "taker_bps": "0.50", "maker_per_lot": "0", "taker_per_lot": "0.001"},
    "entry_ns": 500_000,
    "response_ns": 1_500_000,
}
L2 = {"level": 2, "queue": "proportional", "late_level_ns": 250_000_000, "late_print_ns": 0}


def configured(result, *, params=None, feed="recorded"):
    result.info.config["strategy"]["params"] = params or {"size": 10, "lean": 0.5, "every": "100ms"}
    result.info.config["latency"] = {"feed": feed}
    result.info.versions["lob-backtest"] = "9.8.7"
    return result


def test_the_summary_of_an_instrument_fits_a_screen():
    held = {"initial_position_lots": 5, "max_position_lots": 50}
    params = {f"parameter_{n}": n * 1_000 for n in range(30)}
    made = random_result(1, instruments=(instrument(**L2, **FACTS, **held),), fills=300)
    for text in (brief(configured(made)), brief(configured(made, params=params))):
        assert len(text.splitlines()) <= 40
        assert max(map(len, text.splitlines())) <= 80
    assert "parameter_0=0, parameter_1=1000" in text
    assert "more" in text
    assert "parameter_29=29000" in printed(made)


def test_a_wide_terminal_shows_markouts_beside_the_money(result):
    narrow, wide = brief(result), brief(result, width=120)
    assert len(wide.splitlines()) < len(narrow.splitlines())
    assert re.search(r"^Where the money came from \(USD\) +Markouts", wide, re.MULTILINE)
    assert max(map(len, wide.splitlines())) <= 120
    assert sorted(re.findall(r"[+-]?\d[\d.,]+", wide)) == sorted(re.findall(r"[+-]?\d[\d.,]+", narrow))


def test_the_short_summary_has_the_terms_of_the_trade(result):
    text = brief(result)
    for term in (
        "Max drawdown (USD), ",
        "Sharpe ratio per 1 s sample (not annualised)",
        "Fill rate (lots filled / quoted)",
        "Mean queue ahead on arrival (lots)",
        "Check: parts sum to P&L exactly (residual 0). Inventory = price moves later than",
    ):
        assert term in text
    assert "Fill rate (lots filled / lots quoted)" in printed(result)


def test_terminal_and_page_say_what_was_run():
    made = configured(random_result(1, instruments=(instrument(**L2, **FACTS),)))
    lines = {
        "Strategy": "InventorySkew: size=10, lean=0.5, every=100ms",
        "Fees": "maker -0.2 bps, taker 0.5 bps and 0.001 USD per lot",
        "Latency": "feed recorded, entry 500us, response 1500us",
        "Queue": "proportional, late level 250ms, late print never",
        "Run": "reference engine, seed 1, lob-backtest 9.8.7",
    }
    for text in (printed(made), brief(made)):
        for label, value in lines.items():
            assert re.search(rf"^{label} +{re.escape(value)} *$", text, re.MULTILINE), text
    html = page(made)
    for label, value in lines.items():
        assert f"<dt>{label}</dt><dd>{value}</dd>" in html


def test_what_differs_between_instruments_is_named():
    free = {**FACTS, "fees": dict.fromkeys(FACTS["fees"], "0"), "response_ns": 500_000}
    made = configured(random_result(1, instruments=(instrument("A", **FACTS), instrument("B", **free))), feed=250_000)
    text = brief(made)
    for line in ("A: maker -0.2 bps, taker 0.5 bps", "B: none", "B: feed 250us, entry 500us, response 500us"):
        assert line in text
    assert re.search(r"^Queue +exact \(L3\) *$", text, re.MULTILINE)


def test_fees_that_nobody_set_are_said_to_be_none():
    made = configured(random_result(1, instruments=(instrument(**{**FACTS, "fees": {"maker_bps": "0"}}),)))
    assert re.search(r"^Fees +none *$", brief(made), re.MULTILINE)


def test_results_of_earlier_versions_have_a_header_without_what_they_lack(result):
    text = brief(result)
    assert "Fees  " not in text.split("Where")[0]
    assert "Latency" not in text
    assert re.search(r"^Strategy +InventorySkew *$", text, re.MULTILINE)


def test_a_minus_is_red_where_money_was_lost(html):
    section = Section("", ("", ""), (("Profit", "-1.00"),))
    assert section.is_bad(1, "-1.00")
    assert not section.is_bad(0, "-1.00")
    assert not section.is_bad(1, "-0.1 … +0.2")
    assert not re.search(r'class="bad">[^<]* … ', html)
    inventory = html[html.index("Inventory (lots) and risk") : html.index("Orders accepted")]
    assert 'class="bad"' not in inventory


def test_counts_that_are_zero_are_not_shown(result):
    text = printed(result)
    assert "taints" in text
    assert "rows skipped" not in text


def test_counts_are_named_after_what_they_count():
    names = ("A" * 12, "B" * 60)
    many = random_result(1, instruments=tuple(instrument(name) for name in names))
    many.info.counts.update({"unplaced_lots": 1_251, **{f"{name}.unplaced_lots": 77_001 for name in names}})
    label, text = "market flow without a counterpart (lots)", printed(many)
    assert re.search(rf"^{re.escape(label)} +1,251$", text, re.MULTILINE)
    assert re.search(rf"^{names[0]}: {re.escape(label)} +77,001$", text, re.MULTILINE)
    assert text.count("77,001") == 2  # a long name wraps; the number is not cut
    assert "unplaced lots" not in text
    assert f"<td>{names[1]}: {label}</td><td>77,001</td>" in page(many)


def test_tainted_fills_are_those_of_a_bad_book_and_after_bad_data(result, html):
    (account,) = result.accounts
    tainted = account.activity.tainted_fills
    note = f"{tainted} of them tainted: at a crossed, locked or suspect book, or soon after bad data."
    assert tainted
    assert note in " ".join(printed(result).split())
    assert note in html


def test_the_terminal_escapes_names():
    text = printed(random_result(1, instruments=(instrument("[red]X\x1b[2J"),), agents=("[link=x]me\x07",)))
    assert "[red]X�[2J" in text
    assert "[link=x]me�" in text
    assert "\x1b" not in text


def test_how_l2_levels_were_read_is_one_line_of_the_instrument():
    facts = {"level": 2, "queue": "proportional", "late_level_ns": 250_000_000, "late_print_ns": 0}
    line = "queue proportional, late level 250ms, late print never"
    row = line.removeprefix("queue ")
    shown = random_result(1, instruments=(instrument(**facts), instrument("B", **{**facts, "late_print_ns": 7})))
    assert f"SYN: {row}" in printed(shown)
    assert f" · {line}</span>" in page(shown)
    assert "late level 250ms, late print 7ns" in printed(shown)
    old = random_result(1, instruments=(instrument(level=2), instrument("B", level=3)))
    assert "late level" not in printed(old) + page(old).split("<script>")[0]


def test_a_partial_run_is_said_first(result):
    tables = {name: result.table(name) for name in ("fills", "orders", "bbo", "samples", "series")}
    partial = Result(tables, result.info, status="partial")
    said = "Incomplete run: stopped at 2024-07-19 13:31:30 UTC. Figures cover the time up to then."
    for text in (" ".join(printed(partial).split()), " ".join(brief(partial).split()), page(partial)):
        assert said in text
    assert " ".join(brief(partial).split()).startswith(said)
    reason = "AttributeError in on_timer (many.py:20)"
    known = Result(tables, replace(result.info, reason=reason), status="partial")
    assert said.replace(" UTC.", f" UTC: {reason}.") in " ".join(brief(known).split())
    assert "Incomplete run" not in printed(result) + page(result)


def test_several_accounts_are_put_side_by_side():
    made = random_result(1, instruments=(instrument("A"), instrument("B")))
    for text in (printed(made), brief(made)):
        assert "All accounts (USD)" in text
        assert "adverse 1s" in text
        assert max(map(len, text.splitlines())) <= 80
        (total,) = re.findall(r"^Total +.* (\S+) *$", text, re.MULTILINE)
        assert total == number(made.summary["pnl_currency"], 2)
    assert "Fills and risk" in text
    assert len(text.splitlines()) <= 40
    assert '<tfoot>\n<tr class="total"><td>Total</td>' in page(made)


def test_each_currency_has_a_total():
    made = random_result(1, instruments=(instrument("A"), instrument("B", currency="EUR"), instrument("C")))
    text = brief(made)
    for label in ("USD", "EUR"):
        (total,) = re.findall(rf"^Total {label} +.* (\S+) *$", text, re.MULTILINE)
        assert total == number(made.summary[f"pnl_currency.{label}"], 2)


@pytest.mark.parametrize("seed", range(3))
def test_runs_without_fills_samples_mids_or_horizons_are_shown(seed):
    whole = random_result(seed)
    tables = {name: whole.table(name) for name in ("fills", "orders", "bbo", "samples", "series")}
    for made in (
        Result({**tables, "samples": tables["samples"].slice(0, 0)}, whole.info, status="partial"),
        Result({**tables, "bbo": tables["bbo"].slice(0, 0)}, whole.info),
        result_of([], mids=(None, None)),
        random_result(seed, one_sided=True),
        random_result(seed, markouts=()),
        random_result(seed, fills=1),
    ):
        assert "Profit or loss" in printed(made)
        assert "Profit or loss" in page(made)


def test_the_page_needs_no_network(html):
    class Links(HTMLParser):
        found: tuple = ()

        def handle_starttag(self, tag, attrs):
            self.found += tuple(value for name, value in attrs if name in ("src", "href", "action"))

    links = Links()
    links.feed(html)
    assert links.found == ()
    assert "default-src 'none'" in html


def test_the_page_is_of_sane_size(html):
    assert len(html.encode()) < 7_000_000


def test_the_page_shows_charts_and_tables(html):
    for title in ("From spread to profit", "Equity and its parts", "Position", "Fills on the price", "Markouts"):
        assert f"<figcaption>{title}</figcaption>" in html
    for title in ("Where the money came from (USD)", "The lots that lost most (USD), before fees", "Files read"):
        assert f"<caption>{title}</caption>" in html


def test_each_figure_is_json_with_data(html):
    assert len(figures(html)) == 5
    assert all(figure["data"] for figure in figures(html))


def test_the_waterfall_shows_the_figures_of_the_table(result, html):
    (waterfall,) = (t for figure in figures(html) for t in figure["data"] if t["type"] == "waterfall")
    money = {row[0]: row[1] for row in money_section(result.accounts[0]).rows}
    assert waterfall["text"] == [money[name] for name in money if name not in ("Opening position",)]


def figures(html):
    found = re.findall(r'Plotly\.newPlot\("chart-\d+".*?\}\)\((\{.*\})\);$', html, re.MULTILINE)
    return [json.loads(each) for each in found]


def test_the_page_escapes_what_it_prints():
    hostile = random_result(1, instruments=(instrument(HOSTILE, currency=HOSTILE, venue=HOSTILE),), agents=(HOSTILE,))
    hostile.info.config["strategy"]["class"] = HOSTILE
    hostile.info.counts[HOSTILE] = 1
    found = page(hostile)
    assert HOSTILE not in found
    assert "<script>alert" not in found
    assert found.count("</script>") == 2


def test_figures_cannot_end_their_script_and_have_no_links():
    assert _safe('"</script>&"') == '"\\u003c/script\\u003e\\u0026"'
    link = "<a href='https://example.org'>A</a>"
    found = page(random_result(1, instruments=(instrument(link), instrument("B"))))
    assert [each for each in legends(found) if "<a" in each] == []
    assert any("&lt;a" in each for each in legends(found))


def legends(html):
    return [trace.get("name", "") for figure in figures(html) for trace in figure["data"]]


def test_the_page_can_be_written_alone(result, tmp_path, html):
    assert result.report(tmp_path / "new" / "page.html").read_text("utf-8") == html
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is not a folder"):
        result.report(tmp_path / "file" / "page.html")


def test_pages_of_the_same_result_are_the_same(result, html):
    assert page(result) == html


def thinned(points, *columns):
    return keep_extremes([columns], Span.of(columns[:1]), points=points)


def test_fewer_points_keep_every_extreme():
    random = np.random.default_rng(1)
    times = np.cumsum(random.integers(1, 1_000_000, 50_000))
    line = np.cumsum(random.normal(size=50_000))
    line[31_234], line[7_777] = 1e6, -1e6
    other = np.where(random.random(50_000) < 0.1, np.nan, line[::-1])
    kept_times, kept_line, kept_other = thinned(5_000, times, line, other)
    assert len(kept_times) <= 5_000
    assert set(times[[0, 49_999, 31_234, 7_777]]) <= set(kept_times)
    assert {1e6, -1e6} <= set(kept_line)
    assert np.nanmax(kept_other) == np.nanmax(other)
    assert np.nanmin(kept_other) == np.nanmin(other)
    assert (np.diff(kept_times) > 0).all()


def test_few_points_are_all_kept():
    assert thinned(10, np.arange(10), np.zeros(10))[0].tolist() == list(range(10))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [0, 1, 90, 101, 3_000])
def test_points_that_come_in_parts_are_thinned_as_the_whole(seed, count):
    random = np.random.default_rng(seed)
    times = np.cumsum(random.integers(0, 3, count))
    lines = [random.integers(0, 4, count), np.where(random.random(count) < 0.5, np.nan, random.integers(0, 4, count))]
    cuts = np.sort(random.integers(0, count + 1, 20))
    parts = list(zip(*(np.split(each, cuts) for each in (times, *lines)), strict=True))
    kept = keep_extremes(parts, Span.of(part[0] for part in parts), points=100)
    for each, expected in zip(kept, thinned(100, times, *lines), strict=True):
        np.testing.assert_array_equal(each, expected)


def test_many_fills_are_thinned_and_it_is_said():
    many = random_result(1, fills=6_100, seconds=20)
    assert "One fill in 3 is drawn." in page(many)


def test_numbers_read_well():
    assert number(-0.001) == "0.00"
    assert number(1234567.891) == "1,234,567.89"
    assert number(None) == "n/a"
    assert digits_for([]) == 2
    assert number(0.01234, digits_for([0.01234])) == "0.01234"
    assert (span(None), span(5), span(1_500_000), span(7.2e12)) == ("n/a", "5 ns", "1.5 ms", "2 h")
