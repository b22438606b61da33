"""Pure functions from result tables to figures."""
