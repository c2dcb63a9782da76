"""A MetaTrader 5 broker in memory: its state is a function of a seed and of the requests it got.

Prices: `draws` -> `path` (minutes) -> `ticks` -> `bars`, or `recorded`; `mishaps` spoil them.
Book: `ledger` (the state) is judged by `judge`, changed by `desk`, `trade`, `execution` and, as
time passes, by `sweep`; `money` and `conversion` say what it is worth, `book` what is offered.
`broker` holds the accounts, `dispatch` is the way of a request, `session` what one terminal sees,
`faults` what may happen to it, and `journal` lets all of it survive a kill. A new symbol is one
`Specification` in `symbols.py`.
"""
