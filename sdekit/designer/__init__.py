"""Solving for a design: the complete recipe, unknown coefficients, and repairs of refuted ones.

`recipe` finds Q, `ansatz` solves for unknowns, `repair` changes one block's coefficients. Not for
verdicts (`sdekit.verifier`), by which every solution is checked again.
"""
