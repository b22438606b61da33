"""From result tables to metrics, text and a page: pure functions, each in a module of its own."""
