"""The synthetic market: a seeded order flow that trades on its own matching engine."""
