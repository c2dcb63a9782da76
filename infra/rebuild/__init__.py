"""Read models built anew from the tape while the live ones are folded and read.

`shadow` folds the tape into another build of the same version, `compared` says whether two builds
hold the same rows, `places` lets them change places between two transactions of everybody else, and
`rebuilding` does these in order. What a killed rebuild has built is kept, and gone on from.
`handing_over` shows a raised version in the place of the one before.
"""
