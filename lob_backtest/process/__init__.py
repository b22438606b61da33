"""What belongs to the process: how it starts, how signals end it, settings that are put back."""
