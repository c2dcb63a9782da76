"""How a model is made, offline: features become a labelled data set, trees, and a report.

Nothing here reads a clock, a file or the tape: rows come in, bytes and figures go out, so the same
rows give the same model whoever trains it. To add a kind of model: a file beside `trees.py`.
"""
