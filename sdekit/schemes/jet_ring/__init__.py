"""Polynomials in coordinates and in derivatives of unknown functions, and their evaluation."""
