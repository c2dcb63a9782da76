"""A MetaTrader 5 broker in memory: its state is a function of a seed and of the requests it got.

Prices: `draws` -> `path` (minutes) -> `ticks` -> `bars`. A request comes through the `door`, is
held against the rules by `judge` and answered by `verdict`; `trade` carries it out,
`market_orders` at once or later, as deep as `depth` has it. Book: `ledger` (the state) is changed
by `execution`, `netting` and `sweep` alone. `broker` holds the accounts, `session` is what one
terminal sees of them, `journal` lets all of it survive a kill. A new symbol is one `Specification`
in `symbols.py`.
"""
