"""Tensors at concrete sizes: exact values, counterexamples, components."""
