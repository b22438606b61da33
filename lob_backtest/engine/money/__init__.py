"""Position, cash and fees."""
