"""The process: its start, its end by signals, and the settings that are restored after a run."""
