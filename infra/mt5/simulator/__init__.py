"""A MetaTrader 5 broker in memory: its state is a function of a seed and of the requests it got.

Prices: `draws` -> `path` (minutes) -> `ticks` -> `bars`. Book: `ledger` (the state) is judged by
`judge`, changed by `execution` and `sweep`. `broker` holds the accounts, `session` is what one
terminal sees of them, `journal` lets all of it survive a kill. A new symbol is one `Specification`
in `symbols.py`.
"""
