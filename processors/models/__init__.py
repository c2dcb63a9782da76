"""Models as predictors: made from bytes, one file per kind; each kind's library is imported there.

To add a kind: one file with a frozen class that satisfies `processors.inference.Predictor`.
"""
