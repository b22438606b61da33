"""Result tables as they are written, digested, saved and read."""
