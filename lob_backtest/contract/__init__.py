"""The contract between data, config, engines and report: market rows, the plan, result tables, the engine interface."""
