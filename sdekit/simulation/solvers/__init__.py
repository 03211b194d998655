"""General solvers of stochastic differential equations, diffrax's among them."""
