"""MetaTrader 5: the terminal port, the simulated broker behind it, and the paper-trading venue.

A new way to reach a terminal is one class that answers `terminal.Terminal`; it passes
`tests/contract/test_terminal.py` by adding one line to its parameters.
"""
