"""Markov kernels decided: volume, involution, acceptance, refreshment, invariance, balance."""
