"""The rows of the result tables."""
