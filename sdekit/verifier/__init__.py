"""Verdicts about a declared dynamics: one module per rung of the ladder, each with exact evidence.

Not for calculus (that is `sdekit.calculus`) and not for repairing a design (`sdekit.designer`).
"""
