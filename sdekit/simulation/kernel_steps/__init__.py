"""Declared kernels as steps of a run."""
