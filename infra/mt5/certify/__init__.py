"""What a terminal must do to be a MetaTrader 5: numbered rules, run against any `Terminal`.

A `rule` claims one thing. It is tried in a `scene` (a terminal, a symbol, a way to let time pass)
that a `stage` sets: a live terminal, a recording of one, or the simulator, which alone can set all
of the `situations`. The families of rules are the files of `rules/`; `run` tries them, `report`
writes down what came of it.
"""
