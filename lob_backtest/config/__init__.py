"""The config of a run: its model, its JSON schema, and the plan that an engine is given."""

from lob_backtest.config.model import RunConfig

__all__ = ["RunConfig"]
