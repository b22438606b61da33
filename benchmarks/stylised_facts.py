"""Compare the stylised facts of the bundled sample with those of real days, and draw them.

    python benchmarks/stylised_facts.py --lobster ../shared/data/lobster --write

measures the sample and LOBSTER's sample days of AMZN (5 levels) and AAPL (1 level) of 2012-06-21 (the zip files of
https://lobsterdata.com/info/DataSamples.php), prints a table, and with `--write` puts it into docs/stylised-facts.md
and draws docs/images/stylised-*.png, which requires matplotlib (the extra `plots`).
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from market_facts import (
    ADD,
    CANCEL,
    EXECUTE,
    LEVELS,
    MODIFY,
    SECOND,
    TRADE,
    Array,
    Replay,
    autocorrelation,
    excess_kurtosis,
    fano,
    gaps_s,
    impact,
    mean_spread,
    mids_on_grid,
    replay,
    returns,
    spreads,
)

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "stylised-facts.md"
IMAGES: Final = ROOT / "docs" / "images"
SAMPLE: Final = ROOT / "data" / "sample-l3.parquet"
DAYS: Final = {"AMZN": 5, "AAPL": 1}  # the visible levels of each day
WHOLE: Final = 2  # visible levels required for facts about orders behind the best price
MARKS: Final = ("<!-- figures: written by benchmarks/stylised_facts.py -->", "<!-- end of the figures -->")

Fact = tuple[str, str, bool, Callable[[Replay], float]]


def share(counts: Mapping[int, int], *kinds: int) -> float:
    """Return the share of some kinds in all counts."""
    return sum(counts[kind] for kind in kinds) / sum(counts.values())


def best_moved(seen: Replay) -> float:
    """Return the share of packets that change a best price."""
    return float(np.mean(np.any(np.diff(seen.packets[:, 1:], axis=0) != 0, axis=1)))


def autocorrelated(values: Array, lag: int) -> float:
    """Return the autocorrelation at one lag."""
    return float(autocorrelation(values, np.array([lag]))[0])


def size_ratio(seen: Replay, percent: float) -> float:
    """Return a percentile of the sizes of new orders over their mean."""
    return float(np.percentile(seen.adds[:, 1], percent) / np.mean(seen.adds[:, 1]))


def per_spread(ticks: float, seen: Replay) -> float:
    """Return a distance over the mean half spread."""
    return 2 * ticks / mean_spread(seen)


# Name, format, whether it needs more than the best prices, and how it is measured.
FACTS: Final[tuple[Fact, ...]] = (
    ("packets a second", ".1f", False, lambda s: len(s.packets) / float(np.sum(gaps_s(s)))),
    ("time between packets, median (ms)", ".2f", False, lambda s: float(np.median(gaps_s(s))) * 1e3),
    ("less than 1 ms after the last", ".0%", False, lambda s: float(np.mean(gaps_s(s) < 1e-3))),
    ("deviation over mean of the time between", ".1f", False, lambda s: float(np.std(gaps_s(s)) / np.mean(gaps_s(s)))),
    (
        "autocorrelation of its logarithm, lag 1",
        ".2f",
        False,
        lambda s: autocorrelated(np.log(np.maximum(gaps_s(s), 1e-6)), 1),
    ),
    ("variance over mean of counts in 1 s", ".0f", False, lambda s: fano(s.packets[:, 0], SECOND)),
    ("variance over mean of counts in 60 s", ".0f", False, lambda s: fano(s.packets[:, 0], 60 * SECOND)),
    ("adds, of all events", ".0%", True, lambda s: share(s.actions, ADD)),
    ("cancels", ".0%", True, lambda s: share(s.actions, CANCEL)),
    ("modifications", ".0%", True, lambda s: share(s.actions, MODIFY)),
    ("executions and prints", ".1%", True, lambda s: share(s.actions, EXECUTE, TRADE)),
    (
        "hidden, of the lots traded",
        ".0%",
        False,
        lambda s: s.hidden_lots / (s.hidden_lots + float(s.trades[:, 3].sum())),
    ),
    ("orders that end cancelled", ".0%", True, lambda s: share(s.ends, CANCEL)),
    ("cancels in the back third of their queue", ".0%", True, lambda s: float(np.mean(s.places > 2 / 3))),
    ("life of an order, median (s)", ".2f", True, lambda s: float(np.median(s.lives)) / SECOND),
    ("life of an order, 10% are shorter (s)", ".3f", True, lambda s: float(np.percentile(s.lives, 10)) / SECOND),
    ("packets that move a best price", ".1%", True, best_moved),
    ("best levels emptied by an execution", ".0%", True, lambda s: share(s.emptied, EXECUTE)),
    ("spread, mean over time (ticks)", ".2f", False, mean_spread),
    (
        "spread, 95% percentile over the mean",
        ".1f",
        False,
        lambda s: float(np.percentile(spreads(s)[0], 95)) / mean_spread(s),
    ),
    ("size of an order, 99% percentile over the mean", ".1f", True, lambda s: size_ratio(s, 99)),
    ("size of an order, largest over the mean", ".0f", True, lambda s: size_ratio(s, 100)),
    ("new orders inside the spread", ".0%", True, lambda s: float(np.mean(s.adds[:, 0] < 0))),
    ("new orders at the best price", ".0%", True, lambda s: float(np.mean(s.adds[:, 0] == 0))),
    ("size at the fifth level over that at the first", ".1f", True, lambda s: float(s.depth[-1] / s.depth[0])),
    ("deviation of the mid in 1 s (ticks)", ".2f", False, lambda s: float(np.std(returns(s, SECOND)))),
    ("autocorrelation of its changes in 1 s", ".2f", False, lambda s: autocorrelated(returns(s, SECOND), 1)),
    ("excess kurtosis of its changes in 10 s", ".1f", False, lambda s: excess_kurtosis(returns(s, 10 * SECOND))),
    (
        "autocorrelation of their absolute value, lag 1",
        ".2f",
        False,
        lambda s: autocorrelated(np.abs(returns(s, 10 * SECOND)), 1),
    ),
    ("… lag 30", ".2f", False, lambda s: autocorrelated(np.abs(returns(s, 10 * SECOND)), 30)),
    ("autocorrelation of the signs of trades, lag 1", ".2f", False, lambda s: autocorrelated(s.trades[:, 2], 1)),
    ("… lag 10", ".2f", False, lambda s: autocorrelated(s.trades[:, 2], 10)),
    ("… lag 100", ".2f", False, lambda s: autocorrelated(s.trades[:, 2], 100)),
    ("impact of a trade at once, in half spreads", ".2f", False, lambda s: per_spread(impact(s, 0), s)),
    ("… after 1 s", ".2f", False, lambda s: per_spread(impact(s, SECOND), s)),
    ("… after 10 s", ".2f", False, lambda s: per_spread(impact(s, 10 * SECOND), s)),
    ("… after 60 s", ".2f", False, lambda s: per_spread(impact(s, 60 * SECOND), s)),
)


def column(seen: Replay, levels: int) -> list[str]:
    """Return each fact of one market as text; a dash if the data do not have it."""
    return [format(measure(seen), form) if levels >= WHOLE or not deep else "-" for _, form, deep, measure in FACTS]


def table(columns: Mapping[str, list[str]]) -> str:
    """Return the facts as a Markdown table, one column per market."""
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    lines += [
        f"| {FACTS[k][0]} | " + " | ".join(cells[k] for cells in columns.values()) + " |" for k in range(len(FACTS))
    ]
    return "\n".join(lines)


def convert_day(folder: Path, symbol: str, levels: int, work: Path) -> Path:
    """Unpack and convert one of LOBSTER's sample days."""
    from lob_backtest.vendors.convert import convert

    with zipfile.ZipFile(folder / f"LOBSTER_SampleFile_{symbol}_2012-06-21_{levels}.zip") as archive:
        archive.extractall(work / symbol)
    messages, books = (next((work / symbol).glob(f"*_{kind}_{levels}.csv")) for kind in ("message", "orderbook"))
    return convert("lobster", messages, work / f"{symbol}.parquet", symbol=symbol, orderbook=[books]).output


def survival(values: Array) -> tuple[Array, Array]:
    """Return 200 points of the complementary distribution function of `values`, evenly spaced in logarithms."""
    ordered = np.sort(values[values > 0])
    at = np.unique(np.geomspace(1, len(ordered), 200).astype(int))
    return ordered[len(ordered) - at], at / len(values)


def day_pattern(seen: Replay) -> tuple[Array, Array]:
    """Return the packets of each quarter of an hour over their mean; the last, incomplete one is left out."""
    counts = np.bincount((seen.packets[:, 0] - seen.packets[0, 0]) // (900 * SECOND))[:-1]
    return np.arange(len(counts)) / 4, counts / np.mean(counts)


def fano_curve(seen: Replay) -> tuple[Array, Array]:
    """Return the variance over mean of counts by the length of the interval in seconds."""
    lengths = np.geomspace(0.001, 600, 20)
    return lengths, np.array([fano(seen.packets[:, 0], int(length * SECOND)) for length in lengths])


def signature(seen: Replay) -> tuple[Array, Array]:
    """Return the variance of the mid's changes per second, over that at 60 s, by the sampling interval in seconds."""
    steps = np.array([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300])
    rate = np.array([np.mean(np.diff(mids_on_grid(seen, int(step * SECOND))) ** 2) / step for step in steps])
    return steps, rate / rate[steps == 60]


def volatility_memory(seen: Replay) -> tuple[Array, Array]:
    """Return the autocorrelation of absolute changes in 10 s, lags in seconds."""
    lags = np.unique(np.geomspace(1, 180, 25).astype(int))
    return 10 * lags, autocorrelation(np.abs(returns(seen, 10 * SECOND)), lags)


def sign_memory(seen: Replay) -> tuple[Array, Array]:
    """Return the autocorrelation of the signs of trades, lags in trades."""
    lags = np.unique(np.geomspace(1, 300, 25).astype(int))
    return lags, autocorrelation(seen.trades[:, 2], lags)


def impact_curve(seen: Replay) -> tuple[Array, Array]:
    """Return the impact of trades in half spreads by seconds after them."""
    after = np.array([0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120])
    return after, np.array([per_spread(impact(seen, int(each * SECOND)), seen) for each in after])


def spread_shares(seen: Replay) -> tuple[Array, Array]:
    """Return the share of time with a spread at least as wide, by the spread over its mean."""
    ticks, lasted = spreads(seen)
    wide = np.bincount(ticks, weights=lasted)[::-1].cumsum()[::-1]
    shown = np.arange(1, len(wide))
    return shown / mean_spread(seen), wide[1:] / wide[0]


# By picture: title, axes, scales, whether it needs more than the best prices, and the curve.
Panel = tuple[str, str, str, bool, Callable[[Replay], tuple[Array, Array]]]
PICTURES: Final[dict[str, tuple[Panel, ...]]] = {
    "time": (
        ("Time between packets", "seconds, at least", "loglog", False, lambda s: survival(gaps_s(s))),
        ("Burstiness: variance / mean of counts", "interval, seconds", "loglog", False, fano_curve),
        ("Pattern of the day", "hours after the open", "linear", False, day_pattern),
    ),
    "orders": (
        (
            "Size of new orders / mean",
            "at least",
            "loglog",
            True,
            lambda s: survival(s.adds[:, 1] / np.mean(s.adds[:, 1])),
        ),
        (
            "Distance of new orders behind the best",
            "mean spreads, at least",
            "loglog",
            True,
            lambda s: survival(s.adds[:, 0] / mean_spread(s)),
        ),
        ("Life of orders", "seconds, at least", "loglog", True, lambda s: survival(s.lives / SECOND)),
    ),
    "book": (
        (
            "Depth / that of the first level",
            "level",
            "linear",
            True,
            lambda s: (np.arange(1, LEVELS + 1), s.depth / s.depth[0]),
        ),
        ("Spread / mean, share of time", "at least", "logy", False, spread_shares),
        ("Signature plot: variance a second / at 60 s", "sampling interval, seconds", "logx", False, signature),
    ),
    "memory": (
        ("Autocorrelation of |change in 10 s|", "lag, seconds", "logx", False, volatility_memory),
        ("Autocorrelation of signs of trades", "lag, trades", "logx", False, sign_memory),
        ("Impact of trades / half spread", "seconds after", "logx", False, impact_curve),
    ),
}
COLOURS: Final = {"sample": "#d62728", "AMZN": "#1f77b4", "AAPL": "#7f7f7f"}


def draw(markets: Mapping[str, tuple[Replay, int]]) -> None:
    """Draw the pictures of the page."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    IMAGES.mkdir(exist_ok=True)
    for name, panels in PICTURES.items():
        figure, axes = plt.subplots(1, len(panels), figsize=(11, 3.1), dpi=90, layout="constrained")
        for axis, (title, label, scale, deep, curve) in zip(axes, panels, strict=True):
            for market, (seen, levels) in markets.items():
                if levels >= WHOLE or not deep:
                    axis.plot(*curve(seen), label=market, color=COLOURS[market], linewidth=1.4)
            decorate(axis, title, label, scale)
        axes[0].legend(frameon=False, fontsize=8)
        figure.savefig(IMAGES / f"stylised-{name}.png", metadata={"Software": None})
        plt.close(figure)


def decorate(axis: Any, title: str, label: str, scale: str) -> None:
    """Write a panel's texts and choose its scales."""
    axis.set_title(title, fontsize=9)
    axis.set_xlabel(label, fontsize=8)
    axis.tick_params(labelsize=7)
    axis.grid(alpha=0.3, linewidth=0.5)
    if scale in {"loglog", "logx"}:
        axis.set_xscale("log")
    if scale in {"loglog", "logy"}:
        axis.set_yscale("log")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lobster", type=Path, required=True, help="the folder of LOBSTER's sample files")
    parser.add_argument("--write", action="store_true", help="put the table into the page and draw the pictures")
    options = parser.parse_args()
    markets = {"sample": (replay(SAMPLE), sys.maxsize)}
    with tempfile.TemporaryDirectory() as work:
        for symbol, levels in DAYS.items():
            markets[symbol] = (replay(convert_day(options.lobster, symbol, levels, Path(work))), levels)
    text = table({name: column(*market) for name, market in markets.items()})
    print(text)
    if options.write:
        page = PAGE.read_text("utf-8")
        pattern = re.escape(MARKS[0]) + ".*" + re.escape(MARKS[1])
        PAGE.write_text(re.sub(pattern, f"{MARKS[0]}\n\n{text}\n\n{MARKS[1]}", page, flags=re.DOTALL), "utf-8")
        draw(markets)


if __name__ == "__main__":
    main()
