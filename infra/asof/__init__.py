"""Read models as of a moment: the same fold again, of exactly the records below a vector.

`vectors` finds the positions that a question means, `moments` folds up to them and keeps what came
out for whoever asks the same. Nothing is written for it while the tape is folded live.
"""
