"""The reference engine: pure Python, the readable specification. The main loop is in `loop`."""
