"""The exact engine for given sizes: a differential field that SymPy expressions are read into.

`FieldResidual` asks whether exp(-H) is stationary, `is_zero` whether an expression vanishes. Not
for all n at once (`sdekit.calculus.contraction`).
"""
