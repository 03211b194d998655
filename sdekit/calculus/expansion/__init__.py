"""Declared expressions as sums of monomials, for every size."""
