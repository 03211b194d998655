"""sdekit: stochastic dynamics, declared once: proved, run and explained.

    import sdekit as sk

The public names below are loaded when they are first used (PEP 562), so that importing sdekit costs
nothing and declaring or verifying never loads JAX. Convention everywhere: Ito,
dG = v dt + N(0, 2 D dt), density proportional to exp(-H).

Not for anything else: each name lives in the module that the table names, with its documentation.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

#: Where each public name lives.
_HOME: dict[str, tuple[str, ...]] = {
    "sdekit.declaration.tree.dimension": ("dim", "Dim"),
    "sdekit.declaration.tree.symbols": (
        "scalar", "vector", "matrix", "variable", "parameter", "function", "potential",
    ),
    "sdekit.declaration.functions.grammar": (
        "dot", "outer", "trace", "diag", "eye", "ones", "inv", "logdet", "transpose", "grad",
        "div", "diff", "sqrt", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asinh",
        "atan", "abs_", "sign", "erf", "loggamma", "pi", "E", "time",
    ),
    "sdekit.declaration.model.dynamics": ("Dynamics",),
    "sdekit.declaration.model.model_file": ("load", "loads"),
    "sdekit.verifier.ladder": ("verify",),
    "sdekit.verifier.verdict": ("Verdict", "Verification"),
    "sdekit.designer.recipe": ("recipe",),
    "sdekit.designer.ansatz": ("design",),
    "sdekit.schemes.split.splitting": ("splitting",),
    "sdekit.schemes.order.scheme_order": ("order",),
    "sdekit.schemes.bias.scheme_bias": ("bias",),
    "sdekit.simulation.steps.sampler": ("sampler",),
    "sdekit.simulation.runs.run": ("simulate",),
    "sdekit.simulation.gradients.minibatch": ("Minibatch",),
    "sdekit.bridges.other_libraries": ("to_diffrax", "to_blackjax", "from_numpyro"),
    "sdekit.auditing.audit": ("audit",),
    "sdekit.auditing.measured_order": ("empirical_order",),
    "sdekit.errors": ("SdekitError",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
#: Subpackages reached as attributes: `sk.catalog`, `sk.theory`.
_SUBPACKAGES = ("catalog", "theory")

__all__ = [*sorted(_MODULE_OF), *_SUBPACKAGES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        value = getattr(_module(_MODULE_OF[name], name), name)
    elif name in _SUBPACKAGES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def _module(module: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        from sdekit.errors import EXTRAS, MissingDependencyError

        extra = EXTRAS.get((missing.name or "").partition(".")[0])
        if extra is None:
            raise
        raise MissingDependencyError(
            f"sdekit.{name} needs {missing.name}, which is not installed",
            fix=f'pip install "sdekit[{extra}]"',
        ) from missing


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
