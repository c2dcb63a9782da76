"""The terminal agent: its contract, its keys, its owner, its keeper."""
