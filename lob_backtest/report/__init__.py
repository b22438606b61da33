"""Pure functions from result tables to metrics, text and an HTML page."""
