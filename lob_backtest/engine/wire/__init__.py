"""What travels between a client and the exchange, and when it arrives."""
