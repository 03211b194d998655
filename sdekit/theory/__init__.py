"""Learning theory as exact formulas: least-squares flows, Lipschitz rates, SGLD diagnostics.

Names load their module on first use; importing this package loads neither JAX nor SciPy.
"""

from __future__ import annotations

from sdekit.loading import on_use

#: Public name -> module of this package that defines it.
_MODULES = {
    "LeastSquaresFlow": "least_squares.flow",
    "Regression": "least_squares.regression",
    "LinearProcess": "least_squares.linear_processes",
    "Risk": "least_squares.risk",
    "Risks": "least_squares.risk",
    "BoundConstants": "least_squares.bounds",
    "ExcessRisk": "least_squares.bounds",
    "averaged_bound_constants": "least_squares.bounds",
    "bound_constants": "least_squares.bounds",
    "excess_risks": "least_squares.bounds",
    "trace_bound": "least_squares.bounds",
    "BAYES_RATIO": "least_squares.oracle",
    "OracleComparison": "least_squares.oracle",
    "bayes_oracles": "least_squares.oracle",
    "fixed_signal_counterexample": "least_squares.oracle",
    "fixed_signal_oracles": "least_squares.oracle",
    "PearsonLaw": "least_squares.pearson",
    "pearson_law": "least_squares.pearson",
    "LinearSDE": "fluctuation_dissipation",
    "fluctuation_dissipation_noise": "fluctuation_dissipation",
}
#: Modules offered as a whole; the step guards stand lower, where the runner can ask them too.
_NAMESPACES = {
    "activations": "sdekit.theory.lipschitz.activations",
    "losses": "sdekit.theory.lipschitz.losses",
    "jax_paths": "sdekit.theory.least_squares.jax_paths",
    "lipschitz": "sdekit.theory.lipschitz.rates",
    "optax_rates": "sdekit.theory.lipschitz.optax_rates",
    "paths": "sdekit.theory.least_squares.paths",
    "sgld": "sdekit.theory.sgld",
    "step_guards": "sdekit.schemes.guards.step_guards",
}

__all__ = sorted([*_MODULES, *_NAMESPACES])  # pyright: ignore[reportUnsupportedDunderAll]

__getattr__, __dir__ = on_use(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}, _NAMESPACES
)
