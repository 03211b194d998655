"""What draws are worth: effective sizes, temperatures, distances from a law, standard figures.

Draws are arrays of shape (chain, draw, ...). Names load their module on first use. Not for
averages taken while a run goes on (`sdekit.simulation.loop.observables`).
"""

from sdekit.loading import on_use

_HOME = {
    "draw_statistics": (
        "Estimate", "autocorrelation", "autocorrelation_time", "configurational_temperature",
        "deviation_estimate", "effective_sample_size", "kinetic_temperature", "mean_estimate",
        "split_rhat", "summary",
    ),
    "discrepancy": (
        "density_rmse", "kernel_stein_discrepancy", "wasserstein_1", "wasserstein_1_to_density",
    ),
}  # fmt: skip
_MODULE_OF = {name: f"{__name__}.{module}" for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]

__getattr__, __dir__ = on_use(__name__, _MODULE_OF, {"plots": f"{__name__}.plots"})
