"""Position, cash and the sum of fees."""
