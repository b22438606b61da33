"""The client: a strategy, what it knows, and what it sends."""
