"""Solvers of general SDEs: which exist, and for which kind of noise each converges."""
