"""Learning theory as exact formulas: least-squares flows, Lipschitz rates, SGLD diagnostics.

Names load their module on first use; importing this package loads neither JAX nor SciPy.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from sdekit.errors import MissingDependencyError

#: Public name -> module of this package that defines it.
_MODULES = {
    "LeastSquaresFlow": "flow",
    "Regression": "regression",
    "LinearProcess": "linear_processes",
    "Risk": "risk",
    "Risks": "risk",
    "BoundConstants": "bounds",
    "ExcessRisk": "bounds",
    "averaged_bound_constants": "bounds",
    "bound_constants": "bounds",
    "excess_risks": "bounds",
    "trace_bound": "bounds",
    "OracleComparison": "oracle",
    "bayes_oracles": "oracle",
    "fixed_signal_counterexample": "oracle",
    "fixed_signal_oracles": "oracle",
    "PearsonLaw": "pearson",
    "pearson_law": "pearson",
    "LinearSDE": "linear_sde",
    "fluctuation_dissipation_noise": "linear_sde",
}
#: Modules offered as a whole; the step guards stand lower, where the runner can ask them too.
_NAMESPACES = {
    "activations": "sdekit.theory.activations",
    "jax_paths": "sdekit.theory.jax_paths",
    "lipschitz": "sdekit.theory.lipschitz",
    "optax_rates": "sdekit.theory.optax_rates",
    "paths": "sdekit.theory.paths",
    "sgld": "sdekit.theory.sgld",
    "step_guards": "sdekit.schemes.guards.step_guards",
}

__all__ = sorted([*_MODULES, *_NAMESPACES])  # type: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(_loaded(f"{__name__}.{_MODULES[name]}"), name)
    if name in _NAMESPACES:
        return _loaded(_NAMESPACES[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _loaded(module: str) -> ModuleType:
    """The module, or an error that says which extra brings what it needs."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "sdekit":
            raise
        raise MissingDependencyError(
            f"{module} needs {error.name}", fix='pip install "sdekit[run]"'
        ) from error


def __dir__() -> list[str]:
    return sorted(__all__)
