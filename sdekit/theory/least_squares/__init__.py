"""Stochastic gradient flow of least squares: exact moments, risks, bounds."""
