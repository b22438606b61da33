"""Modules that have moved: their old names work for one minor version, with a warning that gives the new one.

The finder of `lob_backtest` calls `spec_of` for each submodule that Python does not find.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

UNTIL: Final = "0.6"
MOVED: Final = {
    "cli.book": "cli.verbs.book",
    "cli.calibrate": "cli.verbs.calibrate",
    "cli.compare": "cli.verbs.compare",
    "cli.convert": "cli.verbs.convert",
    "cli.doctor": "cli.verbs.doctor",
    "cli.generate": "cli.verbs.generate",
    "cli.init": "cli.verbs.init",
    "cli.inspect": "cli.verbs.inspect",
    "cli.report": "cli.verbs.report",
    "cli.run": "cli.verbs.run",
    "cli.schema": "cli.verbs.schema",
    "cli.validate": "cli.verbs.validate",
    "config_schema": "config.json_schema",
    "digest": "results.digest",
    "drafts": "atomic.drafts",
    "engine.account": "engine.money.account",
    "engine.agent": "engine.client.agent",
    "engine.book": "book.book",
    "engine.callback_timeout": "engine.client.callback_timeout",
    "engine.clock": "engine.client.clock",
    "engine.context": "engine.client.context",
    "engine.desk": "engine.client.local_state",
    "engine.entry": "engine.client.order_entry",
    "engine.exchange.queue_model": "engine.models.queue",
    "engine.failure": "engine.client.failure",
    "engine.gateway": "engine.exchange.matcher",
    "engine.given": "engine.client.arguments",
    "engine.level_queue": "engine.exchange.level_queue",
    "engine.limits": "contract.limits",
    "engine.liquidity": "engine.exchange.available_lots",
    "engine.market": "engine.exchange.market",
    "engine.matching": "synthetic.exchange",
    "engine.messages": "engine.wire.messages",
    "engine.order_queue": "engine.exchange.order_queue",
    "engine.overlay": "engine.exchange.own_book",
    "engine.own_order": "engine.exchange.own_order",
    "engine.prints": "engine.exchange.print_match",
    "engine.queue_model": "engine.models.queue",
    "engine.quoter": "engine.client.quoter",
    "engine.recorder": "engine.record.recorder",
    "engine.timers": "engine.wire.timers",
    "engine.trader": "engine.client.strategy_runner",
    "engine.view": "engine.wire.view",
    "interrupts": "process.interrupts",
    "leftovers": "atomic.leftovers",
    "market.acceptance": "data.audit.acceptance",
    "market.arrivals": "synthetic.arrivals",
    "market.calibrate": "calibration.calibrate",
    "market.checks": "data.checks",
    "market.coerce": "data.coerce",
    "market.convert": "vendors.convert",
    "market.files": "data.files",
    "market.footer": "data.parquet.footer",
    "market.formats.archive": "vendors.archive",
    "market.formats.binance": "vendors.binance.converter",
    "market.formats.binance_book": "vendors.binance.book",
    "market.formats.binance_clock": "vendors.binance.clock",
    "market.formats.binance_fields": "vendors.binance.fields",
    "market.formats.binance_prints": "vendors.binance.prints",
    "market.formats.binance_stream": "vendors.binance.stream",
    "market.formats.binance_survey": "vendors.binance.survey",
    "market.formats.binance_top": "vendors.binance.top",
    "market.formats.binance_units": "vendors.binance.units",
    "market.formats.csv_blocks": "vendors.csv_blocks",
    "market.formats.databento": "vendors.databento.converter",
    "market.formats.databento_csv_file": "vendors.databento.csv_file",
    "market.formats.databento_dbn_file": "vendors.databento.dbn_file",
    "market.formats.databento_files": "vendors.databento.files",
    "market.formats.databento_instrument": "vendors.databento.instrument",
    "market.formats.databento_packet": "vendors.databento.packet",
    "market.formats.databento_publishers": "vendors.databento.publishers",
    "market.formats.databento_records": "vendors.databento.records",
    "market.formats.databento_symbols": "vendors.databento.symbols",
    "market.formats.event_rows": "data.packet_rows",
    "market.formats.lobster": "vendors.lobster.converter",
    "market.formats.lobster_files": "vendors.lobster.files",
    "market.formats.lobster_window": "vendors.lobster.window",
    "market.formats.paths": "vendors.paths",
    "market.formats.text_file": "vendors.text_file",
    "market.formats.time_order": "vendors.time_order",
    "market.order_flow": "synthetic.order_flow",
    "market.output": "data.output",
    "market.policy": "data.faults",
    "market.prefetch": "data.prefetch",
    "market.provenance": "data.provenance",
    "market.reach": "calibration.market_watch",
    "market.reader": "data.reader",
    "market.replay": "data.audit.book_dump",
    "market.schema": "contract.rows",
    "market.seal": "data.parquet.footer_checksum",
    "market.span": "data.span",
    "market.strip": "data.own_orders",
    "market.summary": "data.audit.summary",
    "market.synthetic": "synthetic.generate",
    "market.tape": "synthetic.tape",
    "market.thrift": "data.parquet.thrift",
    "market.truth": "synthetic.truth",
    "market.validate": "data.audit.validate",
    "market.writer": "data.writer",
    "plan": "contract.plan",
    "planning": "config.compile",
    "process_settings": "process.settings",
    "rename": "atomic.rename",
    "report.activity": "report.metrics.activity",
    "report.attribution": "report.metrics.attribution",
    "report.charts": "report.show.charts",
    "report.downsample": "report.show.downsample",
    "report.equity": "report.metrics.equity",
    "report.histogram": "report.metrics.histogram",
    "report.inventory": "report.metrics.inventory",
    "report.ledger": "report.metrics.ledger",
    "report.lots": "report.metrics.lots",
    "report.markouts": "report.metrics.markouts",
    "report.notebook": "report.show.notebook",
    "report.page": "report.show.page",
    "report.pairwise": "report.metrics.pairwise",
    "report.quotes": "report.metrics.quotes",
    "report.sections": "report.show.sections",
    "report.stretches": "report.metrics.stretches",
    "report.summary": "report.metrics.summary",
    "report.terminal": "report.show.terminal",
    "report.timeline": "report.metrics.timeline",
    "run_info": "results.run_info",
    "sink": "results.sink",
    "start": "cli.start",
    "storage": "results.folder",
    "strategy_loader": "strategy.loader",
    "strategy_module": "strategy.module",
    "table_file": "results.table_file",
    "tables": "contract.tables",
}
"""Old name to new name, below `lob_backtest`."""
FOLDERS: Final = {"market", "market.formats"}
"""Removed packages; only modules that have moved out of them can be imported through them."""


class _Redirect(Loader):
    """Loads a moved module under its old name: the same module object."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return `None`: Python makes an empty module, which `exec_module` replaces."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Register the module of the new name under the old one."""
        old = module.__name__
        new = f"lob_backtest.{MOVED[old.removeprefix('lob_backtest.')]}"
        warnings.warn(f"{old} is now {new}; the old name goes in {UNTIL}", DeprecationWarning, stacklevel=2)
        sys.modules[old] = importlib.import_module(new)


class _Empty(Loader):
    """Loads an empty package."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return `None`: Python makes an empty module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing."""


def spec_of(name: str) -> ModuleSpec | None:
    """Return the spec of a module under its old name.

    Args:
        name: dotted, with `lob_backtest`.

    Returns:
        `None` if the name is not an old one.
    """
    below = name.removeprefix("lob_backtest.")
    if below in FOLDERS:
        return ModuleSpec(name, _Empty(), is_package=True)
    return ModuleSpec(name, _Redirect()) if below in MOVED else None
