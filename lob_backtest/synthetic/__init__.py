"""The synthetic market: a seeded order flow that trades on a matching engine of its own."""
