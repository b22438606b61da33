"""The result of a run: tables, metrics, a digest, a page; saved as one folder, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from lob_backtest.atomic.drafts import KeptError, reason, write_file
from lob_backtest.contract.tables import DIGEST_VERSION, Rows, schemas
from lob_backtest.errors import DataError, LobBacktestError, OutputError
from lob_backtest.process import interrupts
from lob_backtest.results import folder as storage
from lob_backtest.results.digest import digest
from lob_backtest.results.run_info import InputInfo, InstrumentInfo, RunInfo
from lob_backtest.results.table_file import TableFile

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from lob_backtest.report.metrics.ledger import Ledger
    from lob_backtest.report.metrics.lots import LotsTable
    from lob_backtest.report.metrics.summary import AccountMetrics, Metric

__all__ = ["InputInfo", "InstrumentInfo", "Result", "RunInfo"]

Status = Literal["complete", "partial"]


class Result:
    """The outcome of a run.

    Everything beyond the tables is computed on first use, and once.

    Attributes:
        info: instruments, horizons, inputs, versions, counts.
        status: "complete", or "partial" where the run ended early.
        timing: wall-clock seconds and counts, outside the digest: `events`, `read_s`, `engine_s`,
            `report_s`.
    """

    def __init__(
        self,
        tables: Mapping[str, Rows],
        info: RunInfo,
        *,
        status: Status = "complete",
        timing: Mapping[str, float] | None = None,
    ) -> None:
        """Wrap the tables of a run.

        Args:
            tables: `fills`, `orders`, `bbo`, `samples`, `series`, as `lob_backtest.contract.tables.schemas` describes
                them, in memory or in files.
            info: instruments, horizons, inputs, versions, counts.
            status: "partial" where the run ended early.
            timing: wall-clock seconds and counts; empty if `None`.
        """
        self.info = info
        self.status = status
        self.timing = dict(timing or {})
        self._tables: dict[str, Rows] = {}
        self._frames: dict[str, pd.DataFrame] = {}
        for name, schema in schemas(info.markouts_ns).items():
            assert tables[name].schema.equals(schema), f"table {name}: {tables[name].schema} is not {schema}"
            self._tables[name] = tables[name]

    def __repr__(self) -> str:
        names = ", ".join(each.name for each in self.info.instruments)
        fills = self.table("fills").num_rows
        notes = "".join(f"; note: {each}" for each in self.notes[: 1 if fills else None])
        return f"<Result {self.status}: {names}, {fills} fills, digest {self.digest[:12]}{notes}>"

    def table(self, name: str) -> pa.Table:
        """Return a result table as Arrow: exact integers.

        Args:
            name: "fills", "orders", "bbo", "samples", "series" or "lots".

        Raises:
            KeyError: there is no such table.
            DataError: its file is missing or damaged.
        """
        if name == "lots":
            return pa.Table.from_batches(self._lots.to_batches(), self._lots.schema)
        if name not in self._tables:
            raise KeyError(f"no table {name!r}; the tables are {', '.join((*self._tables, 'lots'))}")
        rows = self._tables[name]
        return rows.read() if isinstance(rows, TableFile) else rows

    def rows(self, name: str) -> Rows:
        """Return a result table as it is stored, in memory or in a file, for reading batch by batch.

        Args:
            name: as in `table`, but "lots".
        """
        return self._tables[name]

    def agent(self, name: str) -> Result:
        """Return the result of one agent of several: equal to that of a run of its own, digest included.

        Its tables are in memory. `info.counts` stay those of the whole run; `unplaced_lots` adds up over the agents.

        Args:
            name: as in the config, or that of its class; `info.agents` has all of them.

        Raises:
            KeyError: there is no such agent.
        """
        if name not in self.info.agents:
            raise KeyError(f"no agent {name!r}; there are {', '.join(self.info.agents)}")
        if len(self.info.agents) == 1:
            return self
        from lob_backtest.results.one_agent import info_of, tables_of

        agent = self.info.agents.index(name)
        tables = tables_of({each: self.table(each) for each in self._tables}, agent)
        return Result(tables, info_of(self.info, agent), status=self.status, timing=self.timing)

    @property
    def _lots(self) -> LotsTable:
        from lob_backtest.report.metrics.lots import LotsTable

        return LotsTable(self._ledgers, self.info)

    @cached_property
    def _ledgers(self) -> list[Ledger]:
        from lob_backtest.report.metrics.ledger import build_ledgers

        return build_ledgers(self._tables, self.info)

    @cached_property
    def accounts(self) -> list[AccountMetrics]:
        """Everything measured, one entry per agent and instrument."""
        from lob_backtest.report.metrics.summary import measure

        return measure(self._ledgers, self._tables, self.info)

    @cached_property
    def summary(self) -> dict[str, Metric]:
        """Every metric by its flat name with its unit."""
        from lob_backtest.report.metrics.summary import summarize

        return summarize(self.accounts, self.info)

    def __getattr__(self, name: str) -> Any:
        """Say what a result has instead of an attribute that it has not.

        Raises:
            AttributeError: always.
        """
        names = [each for each in dir(type(self)) if not each.startswith("_")]
        near = "fills" if name == "trades" else next(iter(get_close_matches(name, names, 1)), None)
        hint = f"did you mean {near!r}?" if near else f"it has {', '.join(names)}"
        raise AttributeError(f"a result has no attribute {name!r}; {hint}", name=name, obj=self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the integer tables: the same files, config and seed give the same digest."""
        return digest(self._tables)

    @property
    def fills(self) -> pd.DataFrame:
        """The fills, with `time`, and in currency `price`, `notional`, `fee`, `captured` and `markout_1s`, …."""
        return self._frame("fills")

    @property
    def notes(self) -> list[str]:
        """Remarks about a run that may not be what was meant; with the name of the agent, where there are several."""
        return self.info.note_texts()

    @property
    def orders(self) -> pd.DataFrame:
        """The answers to requests; `time` is when the strategy learned of them."""
        return self._frame("orders")

    @property
    def bbo(self) -> pd.DataFrame:
        """The best bid and ask at the exchange; `price` is the mid."""
        return self._frame("bbo")

    @property
    def samples(self) -> pd.DataFrame:
        """The account at intervals; `price` is the mid."""
        return self._frame("samples")

    @property
    def lots(self) -> pd.DataFrame:
        """Fills matched into lots, first in first out; `time` and `price` are those of the opening.

        `result` (currency, before fees) and `held` (timedelta) are those of closed lots.
        """
        return self._frame("lots")

    def _frame(self, name: str) -> pd.DataFrame:
        """Return a copy of a table as a DataFrame: a change of one copy is not in the next."""
        if name not in self._frames:
            from lob_backtest.report.frames import frame

            first_mids = [each.mid2_start for each in self._ledgers] if name == "fills" else ()
            self._frames[name] = frame(name, self.table(name), self.info, first_mids)
        return self._frames[name].copy()

    @property
    def equity(self) -> pd.Series[float]:
        """Profit or loss since the start at mid, net of fees, in currency: the sum over all accounts, by UTC time.

        From the samples: cash + position * mid - fees, less the value of the position held at the start. The last value
        is the summary's `pnl_currency`. An account counts from its own first mid.

        Raises:
            ValueError: the instruments have different currencies; `equities` has a column for each.
        """
        from lob_backtest.report.equity_frame import equity

        return equity(self._ledgers)

    @property
    def equities(self) -> pd.DataFrame:
        """The equity of each account as a column, in its currency, by UTC time; NaN before its first mid.

        Columns have the names of instruments, or `agent/instrument` if there are several agents.
        """
        from lob_backtest.report.equity_frame import equities
        from lob_backtest.report.metrics.ledger import account_name

        return equities(self._ledgers, [account_name(each, self.info) for each in self._ledgers])

    def returns(self, capital: float, every: str | timedelta = "1min") -> pd.Series[float]:
        """Return simple returns on a fixed capital, as quantstats and similar libraries take them.

        Args:
            capital: in currency, positive; a run has none of its own.
            every: length of a period ("1min", "1d", a timedelta), no shorter than the interval of the samples.

        Returns:
            change of `equity` in each period / capital, indexed by the start of the period in UTC, without a time zone.

        Raises:
            ValueError: an argument is out of range, or the instruments have different currencies.
        """
        from lob_backtest.report.equity_frame import returns

        return returns(self.equity, self.info, capital, every)

    def series(self, name: str) -> pd.DataFrame:
        """Return what the strategy recorded under a name, with `time`, `agent` and `value`.

        Args:
            name: of the series, as in `ctx.record`.

        Raises:
            KeyError: nothing was recorded under that name.
        """
        import pyarrow.compute as pc

        series, parts, recorded = self._tables["series"], [], set[str]()
        for batch in series.to_batches():
            parts.append(batch.filter(pc.equal(batch.column("name"), name)))
            recorded |= set(pc.unique(batch.column("name")).to_pylist())
        rows = pa.Table.from_batches(parts, series.schema)
        if not rows.num_rows:
            raise KeyError(f"nothing was recorded as {name!r}; there are {', '.join(sorted(recorded)) or 'no series'}")
        from lob_backtest.report.frames import frame

        return frame("series", rows, self.info)

    @interrupts.with_guard
    def save(self, folder: str | PathLike[str], force: bool = False, *, page: bool = True) -> Path:
        """Write the result as a folder: `summary.json`, the tables as Parquet, `report.html`.

        The folder is written under a temporary name and then renamed, so that it is never incomplete. If the page
        cannot be written or the folder cannot take its name, the rest is kept as `FOLDER.kept`.

        Args:
            folder: to write.
            force: replace an existing result; a folder that holds anything else is never replaced.
            page: also write `report.html`, about 5 MB.

        Returns:
            the folder.

        Raises:
            OutputError: the folder exists, or it cannot be written; its `result` is this one if the folder is kept.
        """
        with storage.Draft(Path(fspath(folder)), force=force) as draft:
            for name, rows in self._tables.items():
                draft.write(f"{name}.parquet", rows)
            return self.finish(draft, page=page)

    def finish(self, draft: storage.Draft, *, page: bool = True, spares: bool = False) -> Path:
        """Add metrics, series and page to a folder that has the run's tables, and give it its name.

        Args:
            draft: the folder; tables of this result that are files in it are renamed with it.
            page: also write `report.html`.
            spares: replace nothing: where its name is taken, the folder is kept as `FOLDER.kept`.

        Returns:
            the folder.

        Raises:
            OutputError: it cannot be written. The written part is kept under the name that the message gives.
        """
        draft.write(storage.MANIFEST, self._manifest({}))  # from here on it can be loaded
        before = draft.path
        try:
            self._complete(draft, page=page)
        except Exception as error:
            kept = draft.keep()
            self._move(before, kept)
            told = f"the tables are kept as {kept}; `lob-backtest report {kept}` writes the page"
            if not isinstance(error, LobBacktestError | MemoryError | OSError):
                error.add_note(told)
                raise
            why = reason(error.__cause__ or error)
            raise OutputError(f"cannot write {draft.target}: {why}; {told}", result=self) from error
        interrupts.check()
        place = draft.target
        try:
            place = draft.keep() if spares and os.path.lexists(place) else draft.place()
            return place
        except OutputError as error:
            place = error.path if isinstance(error, KeptError) else place
            error.result = self
            raise
        finally:
            self._move(before, place)

    def _complete(self, draft: storage.Draft, *, page: bool) -> None:
        begin = perf_counter()
        draft.write("lots.parquet", self._lots)
        if page:
            from lob_backtest.report.show.page import page as html

            draft.write(storage.MANIFEST, self._manifest(self.summary))  # the page takes longest, and may fail
            draft.write(storage.PAGE, html(self))
        self.timing["report_s"] = perf_counter() - begin
        draft.write(storage.MANIFEST, self._manifest(self.summary))

    def _move(self, before: Path, after: Path) -> None:
        """Update the paths of tables when their folder is renamed."""
        for name, rows in self._tables.items():
            if isinstance(rows, TableFile) and rows.path.parent == before:
                self._tables[name] = rows.moved(after)

    def _manifest(self, metrics: Mapping[str, Metric]) -> str:
        content = {
            "format": storage.FORMAT,
            "status": self.status,
            "digest": self.digest,
            "digest_version": DIGEST_VERSION,
            "metrics": metrics,
            "info": self.info.to_dict(),
            "timing": self.timing,
        }
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        try:
            text.encode()
        except UnicodeEncodeError:  # a path that is not UTF-8: JSON has escapes for it
            text = json.dumps(content, indent=2, allow_nan=False)
        return text + "\n"

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Result:
        """Open a saved result, and check that its tables have the saved digest.

        Tables stay in their files and are read on use: load again after the folder has been replaced.

        Args:
            folder: written by `save`.

        Raises:
            DataError: the folder is not a result, or it is damaged.
        """
        source = Path(fspath(folder))
        manifest = storage.read_manifest(source)
        try:
            info = RunInfo.from_dict(manifest["info"])
            saved, status, timing = manifest["digest"], manifest["status"], manifest["timing"]
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{source / storage.MANIFEST}: not as this version writes it ({error}); run the backtest again"
            ) from None
        tables = {
            name: TableFile.of(source / f"{name}.parquet", schema) for name, schema in schemas(info.markouts_ns).items()
        }
        result = cls(tables, info, status=status, timing=timing)
        if result.digest != saved:
            raise DataError(
                f"{source}: the tables have digest {result.digest[:12]}…, {storage.MANIFEST} has {str(saved)[:12]}…; "
                "a file was changed after the run; run the backtest again"
            )
        return result

    @interrupts.with_guard
    def report(self, path: str | PathLike[str]) -> Path:
        """Write the page: one HTML file that opens offline.

        Args:
            path: of the file; an existing regular file is replaced.

        Returns:
            the path.

        Raises:
            OutputError: it cannot be written.
        """
        from lob_backtest.report.show.page import page

        target = Path(fspath(path))
        write_file(target, page(self))
        return target

    def plot(self) -> go.Figure:
        """Draw equity with its parts, drawdown and position over time, as one plotly figure.

        Long runs are drawn with about 5,000 points per line, extremes included. Currencies have equity of their own.
        """
        from lob_backtest.report.show.figure import figure

        return figure(self)

    def _repr_html_(self) -> str:
        from lob_backtest.report.show.notebook import notebook

        return notebook(self)
