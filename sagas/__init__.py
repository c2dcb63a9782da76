"""What must happen next, across aggregates and accounts.

To add a saga: one file with `evolve`, `next` and the `Saga` value, one test, one line in `SAGAS`.
"""
