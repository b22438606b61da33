"""A small random run: a mid that walks, fills against it, samples and quotes, all consistent with each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pyarrow as pa

from lob_backtest.contract.tables import (
    BBO,
    ORDERS,
    SAMPLES,
    SERIES,
    UNUSED,
    Cause,
    OrderState,
    RejectReason,
    UpdateKind,
    fills_schema,
)
from lob_backtest.report.metrics.ledger import build_ledgers
from lob_backtest.result import InputInfo, InstrumentInfo, Result, RunInfo

START = 1_721_395_800_000_000_000
SECOND = 1_000_000_000
MARKOUTS = (100_000_000, SECOND, 10 * SECOND)


@dataclass
class Market:
    """One instrument's best prices: change times and doubled mids, in step."""

    times: list[int]
    bids: list[int | None]
    asks: list[int | None]

    def mid2(self, ts: int, *, before: bool = False) -> int | None:
        """Return the last two-sided doubled mid at a time, or before it."""
        found = None
        for time, bid, ask in zip(self.times, self.bids, self.asks, strict=True):
            if time > ts or (before and time == ts):
                break
            if bid is not None and ask is not None:
                found = bid + ask
        return found


@dataclass
class Rows:
    """Rows of the tables in the making."""

    fills: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    bbo: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    series: list[dict[str, Any]] = field(default_factory=list)

    def tables(self, markouts: tuple[int, ...]) -> dict[str, pa.Table]:
        schemas = {"fills": fills_schema(markouts), "orders": ORDERS, "bbo": BBO, "samples": SAMPLES, "series": SERIES}
        return {name: pa.Table.from_pylist(getattr(self, name), schema=schema) for name, schema in schemas.items()}


def market(random: Random, seconds: int, *, one_sided: bool = False, base: int = 10_000) -> Market:
    times, bids, asks = [], [], []
    bid = base
    for second in range(seconds):
        bid += random.choice((-2, -1, 0, 0, 1, 2))
        times.append(START + second * SECOND + random.randrange(SECOND))
        bids.append(bid)
        asks.append(None if one_sided or random.random() < 0.05 else bid + random.choice((1, 1, 2)))
    return Market(times, bids, asks)


def instrument(name: str = "SYN", **changes: Any) -> InstrumentInfo:
    plain = {"venue": "TEST", "level": 3, "tick_size": "0.01", "lot_size": "1", "currency": "USD"}
    return InstrumentInfo(name=name, **{**plain, **changes})


def add_account(rows: Rows, random: Random, prices: Market, about: InstrumentInfo, **settings: Any) -> None:
    """Append the fills, orders and samples of one account, kept like an engine keeps them."""
    code, agent, seconds = settings["code"], settings["agent"], settings["seconds"]
    markouts, end = settings["markouts"], START + settings["seconds"] * SECOND
    fill_times = sorted(random.randrange(START, end) for _ in range(settings["fills"]))
    if fill_times and random.random() < 0.5:
        fill_times[-1] = fill_times[0] if len(fill_times) == 1 else fill_times[-2]
    position, cash, fees, made = about.initial_position_lots, 0, 0, 0
    for sample in [*range(START + SECOND, end, SECOND), end]:
        while made < len(fill_times) and fill_times[made] <= sample:
            ts = fill_times[made]
            side = random.choice((1, -1))
            near = prices.mid2(ts, before=True) or 2 * settings["base"]
            price = near // 2 - side * random.choice((0, 1, 1, 2))
            size = random.randrange(1, settings.get("largest", 20))
            fee = random.choice((-20_000, -7, 0, 3, 50_001)) * size
            rows.fills.append(_fill(len(rows.fills), code, agent, (side, price, size, fee), ts, prices, markouts, end))
            rows.orders.append(_order(len(rows.fills) - 1, code, agent, (side, price, size), ts))
            position, cash, fees = position + side * size, cash - side * size * price, fees + fee
            made += 1
        quoted = prices.mid2(sample)
        rows.samples.append(
            {
                "ts_ns": sample,
                "agent": agent,
                "instrument": code,
                "position_lots": position,
                "cash_tick_lots": cash,
                "fees_micro": fees,
                "mid2": quoted,
                "bid_quote_ticks": quoted // 2 - 1 if quoted and random.random() < 0.8 else None,
                "ask_quote_ticks": quoted // 2 + 1 if quoted and random.random() < 0.8 else None,
            }
        )
    assert made == len(fill_times), seconds


def _fill(
    fill_id: int,
    code: int,
    agent: int,
    trade: tuple[int, int, int, int],
    ts: int,
    prices: Market,
    *rest: Any,
) -> dict[str, Any]:
    (side, price, size, fee), (markouts, end) = trade, rest
    cause = list(Cause)[(fill_id * 7 + price) % 5]
    return {
        "fill_id": fill_id,
        "order_id": fill_id,
        "agent": agent,
        "instrument": code,
        "side": side,
        "price_ticks": price,
        "size_lots": size,
        "fee_micro": fee,
        "liquidity": int(cause == Cause.TAKE),
        "cause": int(cause),
        "ts_exchange_ns": ts,
        "ts_local_ns": ts + 1_000_000,
        "mid2_before": prices.mid2(ts, before=True),
        "queue_ahead_at_arrival_lots": None if cause == Cause.TAKE else fill_id % 50,
        "ts_arrival_ns": ts if cause == Cause.TAKE else ts - 5_000_000 * (fill_id % 100 + 1),
        "tag": "",
        "tainted": int(fill_id % 50 == 49),
        **{f"mid2_after_{h}ns": prices.mid2(min(ts + h, end)) for h in markouts},
    }


def _order(order_id: int, code: int, agent: int, trade: tuple[int, int, int], ts: int) -> dict[str, Any]:
    side, price, size = trade
    rejected = order_id % 9 == 8
    kind = UpdateKind.CANCEL_REJECTED if rejected else UpdateKind.ACCEPTED
    return {
        **UNUSED.get("orders", {}),
        "order_id": order_id,
        "agent": agent,
        "instrument": code,
        "kind": int(kind),
        "state": int(OrderState.FILLED if rejected else OrderState.LIVE),
        "reason": int(RejectReason.TOO_LATE if rejected else RejectReason.NONE),
        "side": side,
        "tif": 0,
        "post_only": 1,
        "price_ticks": price,
        "size_lots": size + order_id % 3,
        "filled_lots": 0,
        "queue_ahead_lots": None,
        "ts_sent_ns": ts - 600_000_000,
        "ts_exchange_ns": ts - 599_000_000,
        "ts_local_ns": ts - 598_000_000,
        "tag": "",
    }


def random_result(seed: int = 0, *, fills: int = 60, seconds: int = 90, **settings: Any) -> Result:
    """Make a result from a seed.

    `instruments` are `InstrumentInfo`s, `agents` names, `markouts` horizons; `one_sided` leaves the ask side empty,
    `base` is the price that mids walk from, `largest` bounds the size of a fill.
    """
    random = Random(seed)
    instruments = settings.get("instruments", (instrument(),))
    agents = settings.get("agents", ("InventorySkew",))
    markouts, base = settings.get("markouts", MARKOUTS), settings.get("base", 10_000)
    markets = [market(random, seconds, one_sided=settings.get("one_sided", False), base=base) for _ in instruments]
    rows = Rows()
    for agent in range(len(agents)):
        for code, about in enumerate(instruments):
            add_account(
                rows,
                random,
                markets[code],
                about,
                code=code,
                agent=agent,
                seconds=seconds,
                markouts=markouts,
                fills=fills,
                base=base,
                largest=settings.get("largest", 20),
            )
    for code, prices in enumerate(markets):
        for time, bid, ask in zip(prices.times, prices.bids, prices.asks, strict=True):
            lots = {"bid_lots": 100, "ask_lots": None if ask is None else 120}
            row = {"instrument": code, "ts_exchange_ns": time, "bid_ticks": bid, "ask_ticks": ask, **lots}
            rows.bbo.append(row)
    rows.fills.sort(key=lambda row: (row["ts_exchange_ns"], row["fill_id"]))
    rows.samples.sort(key=lambda row: row["ts_ns"])
    rows.series.append({"name": "skew", "agent": 0, "ts_ns": START, "value": 1.5})
    return Result(rows.tables(markouts), _info(instruments, agents, markouts, seconds, seed))


def _info(instruments: Any, agents: Any, markouts: Any, seconds: int, seed: int) -> RunInfo:
    return RunInfo(
        instruments=tuple(instruments),
        agents=tuple(agents),
        markouts_ns=tuple(markouts),
        sample_ns=SECOND,
        start_ns=START,
        end_ns=START + seconds * SECOND,
        engine="reference",
        seed=seed,
        config={"run": {"seed": seed}, "strategy": {"class": "strategies/skew.py:InventorySkew"}},
        inputs=(InputInfo("data/sample.parquet", 500_000, "ab" * 32),),
        versions={"lob_backtest": "0.1.0"},
        counts={"events": 500_000, "rows_skipped": 0, "taints": 3},
    )


def result_of(trades: list[dict[str, Any]], *, mids: tuple[int | None, int | None], **settings: Any) -> Result:
    """Make a one-instrument result from its fills, given as the columns that matter, and the mids at both ends.

    Settings: `markouts`, `about` (an `InstrumentInfo`), `seconds`; the samples are one at the start and one at the
    end, with the account that the fills add up to.
    """
    markouts, about = settings.get("markouts", (SECOND,)), settings.get("about", instrument())
    seconds = settings.get("seconds", 100)
    fixed = {
        **dict.fromkeys(("order_id", "agent", "instrument", "fee_micro", "liquidity", "tainted"), 0),
        **dict.fromkeys(("ts_local_ns", "ts_arrival_ns", "ts_exchange_ns"), START),
        "cause": 1,
        "tag": "",
    }
    fills = [{**fixed, "fill_id": index, **trade} for index, trade in enumerate(trades)]
    position = about.initial_position_lots + sum(row["side"] * row["size_lots"] for row in fills)
    cash = -sum(row["side"] * row["size_lots"] * row["price_ticks"] for row in fills)
    start = {"position_lots": about.initial_position_lots, "cash_tick_lots": 0, "fees_micro": 0, "mid2": mids[0]}
    end = {"position_lots": position, "cash_tick_lots": cash, "mid2": mids[1]}
    end["fees_micro"] = sum(row["fee_micro"] for row in fills)
    account = {"agent": 0, "instrument": 0}
    rows = Rows(fills=fills)
    rows.samples = [{"ts_ns": START, **account, **start}, {"ts_ns": START + seconds * SECOND, **account, **end}]
    return Result(rows.tables(markouts), _info((about,), ("agent",), markouts, seconds, 0))


def ledger(result):
    (only,) = build_ledgers({name: result.table(name) for name in ("fills", "bbo", "samples")}, result.info)
    return only


def fill(side, price, size, before, after, **more):
    after_column = {f"mid2_after_{SECOND}ns": after}
    return {"side": side, "price_ticks": price, "size_lots": size, "mid2_before": before, **after_column, **more}


def left_in(folder):
    """Name what is in a folder."""
    return sorted(path.name for path in folder.iterdir())
