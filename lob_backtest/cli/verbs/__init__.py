"""The commands, one module per verb: parse, call, print."""
