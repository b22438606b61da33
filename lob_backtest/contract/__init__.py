"""What engines, data, config and report agree on: rows, the plan, tables, and what an engine is."""
