"""Linear stochastic differential equations: exact transitions and laws."""
