"""Splitting schemes: derived from the triple, and what they do to the stationary law.

Not for running them (`sdekit.simulation`); nothing here imports JAX.
"""
