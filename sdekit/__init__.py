"""sdekit: stochastic dynamics, declared once: proved, run and explained.

    import sdekit as sk

The public names below are loaded when they are first used (PEP 562), so that importing sdekit costs
nothing and declaring or verifying never loads JAX. Convention everywhere: Ito,
dG = v dt + N(0, 2 D dt), density proportional to exp(-H).

    declare     dim scalar vector matrix parameter function potential Dynamics load grad dot ...
    prove       verify certify; design recipe repair discover
    explain     report compare
    run         sampler simulate update read_samples solve tabulated Minibatch
    bridges     to_diffrax to_blackjax from_numpyro
    draws       sample tune: a density in, draws with a stated bias and a verdict out
    exact       moments linear_sde sample_linear: moment equations that close, linear SDEs
    schemes     splitting order bias empirical_order audit
    modules     catalog       published dynamics, and known mistakes
                schemes       which schemes fit a dynamics
                kernels       Markov kernels of flows, refreshments and Metropolis steps
                schedules     step sizes that change along a run
                observables   averages taken while a run goes on
                diagnostics   effective sizes, R-hat, temperatures, distances from a law
                plots         trace_plot, density_plot, temperature_plot, autocorrelation_plot
                gradient_noise, preconditioning
                theory        least-squares flows, Lipschitz rates, SGLD

Not for anything else: each name lives in the module that the table names, with its documentation.
"""

from __future__ import annotations

from sdekit.declaration.functions.records import FUNCTIONS, words
from sdekit.loading import on_use

__version__ = "0.1.0"

#: Where each public name lives.
_HOME: dict[str, tuple[str, ...]] = {
    "sdekit.declaration.tree.dimension": ("dim", "Dim"),
    "sdekit.declaration.tree.symbols": (
        "scalar", "vector", "matrix", "variable", "parameter", "function", "potential",
    ),
    "sdekit.declaration.functions.grammar": (
        "dot", "outer", "trace", "diag", "eye", "ones", "inv", "logdet", "transpose", "grad",
        "div", "diff", "pi", "E", "time", *(FUNCTIONS[word].python_name for word in words()),
    ),
    "sdekit.declaration.functions.entries": (
        "max", "min", "sum", "norm", "logsumexp", "where", "rows", "pairs",
    ),
    "sdekit.declaration.model.dynamics": ("Dynamics",),
    "sdekit.kernels.kernel_file": ("load", "loads"),
    "sdekit.calculus.ito_moments.moment_equations": ("moments",),
    "sdekit.verifier.ladder": ("verify",),
    "sdekit.verifier.verdict": ("Verdict", "Verification"),
    "sdekit.designer.recipe": ("recipe",),
    "sdekit.designer.ansatz": ("design",),
    "sdekit.designer.repair": ("repair",),
    "sdekit.designer.discovery.discover": ("discover",),
    "sdekit.certificates.kernel_certificates": ("certify",),
    "sdekit.reports.results": ("report",),
    "sdekit.reports.comparison": ("compare",),
    "sdekit.schemes.split.splitting": ("splitting",),
    "sdekit.schemes.order.scheme_order": ("order",),
    "sdekit.schemes.bias.scheme_bias": ("bias",),
    "sdekit.simulation.steps.sampler": ("sampler",),
    "sdekit.simulation.events.barrier": ("barrier",),
    "sdekit.simulation.estimates.multilevel": ("expect",),
    "sdekit.simulation.runs.run": ("simulate",),
    "sdekit.simulation.runs.solve": ("solve",),
    "sdekit.simulation.runs.tabulated": ("tabulated",),
    "sdekit.simulation.updates.update": ("update",),
    "sdekit.simulation.runs.linear_samples": ("sample_linear",),
    "sdekit.simulation.store.stored": ("read_samples",),
    "sdekit.simulation.bind.linear_dynamics": ("linear_sde",),
    "sdekit.simulation.gradients.minibatch": ("Minibatch",),
    "sdekit.bridges.other_libraries": ("to_diffrax", "to_blackjax", "from_numpyro"),
    "sdekit.tuning.tuned": ("tune",),
    "sdekit.tuning.sample": ("sample",),
    "sdekit.auditing.audit": ("audit",),
    "sdekit.auditing.measured_order": ("empirical_order",),
    "sdekit.errors": ("SdekitError",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
#: Modules reached as attributes: `sk.catalog`, `sk.plots`.
_NAMESPACES = {
    "catalog": "sdekit.catalog",
    "diagnostics": "sdekit.diagnostics",
    "gradient_noise": "sdekit.simulation.gradients.gradient_noise",
    "kernels": "sdekit.kernels",
    "observables": "sdekit.simulation.loop.observables",
    "plots": "sdekit.diagnostics.plots",
    "preconditioning": "sdekit.tuning.preconditioning",
    "schedules": "sdekit.simulation.loop.schedules",
    "schemes": "sdekit.schemes",
    "theory": "sdekit.theory",
}

__all__ = [*sorted(_MODULE_OF), *_NAMESPACES]  # pyright: ignore[reportUnsupportedDunderAll]

__getattr__, __dir__ = on_use(__name__, _MODULE_OF, _NAMESPACES)
