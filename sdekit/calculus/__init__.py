"""Exact calculus of the two engines: index contraction for all n, differential field for one n."""
