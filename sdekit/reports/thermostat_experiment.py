"""The double-well experiment of the thermostat's paper: three fixed frictions and the thermostat.

Source: Ding et al. 2014, figure 1: gradient noise B = 1, none injected, h = 0.01.

Not for drawing it (`sdekit.reports.experiment`), nor for experiments on other targets.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

from sdekit import catalog
from sdekit.catalog.shared_symbols import U, kinetic, n, p, theta
from sdekit.catalog.targets import DOUBLE_WELL
from sdekit.declaration.functions.grammar import eye, grad
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.symbols import parameter
from sdekit.diagnostics.draw_statistics import kinetic_temperature, mean_estimate
from sdekit.reports.experiment import Experiment, Panel
from sdekit.schemes.split.scheme_names import ALGORITHM_1
from sdekit.simulation.runs.result import Run
from sdekit.simulation.runs.run import simulate
from sdekit.simulation.steps.sampler import sampler

STEP_SIZE = 0.01
#: Noise on the momentum; in the paper it is all that the stochastic gradient brings.
NOISE = 1.0
FRICTIONS = (1.0, 10.0, 0.1)
#: Range that holds all but 1e-6 of the exact law, and of what friction 0.1 makes of it.
LOWEST, HIGHEST, BINS = -6.0, 5.0, 110
#: Steps between stored draws; the momentum forgets itself in about 100 steps at friction 1.
THIN = 20


def thermostat_experiment(steps: int = 1_000_000, chains: int = 16, seed: int = 2014) -> Experiment:
    """Run the four panels.

    Args:
        steps: Steps of each chain; the paper has 10^6.
        chains: Chains of each panel; the paper has one.
        seed: Seed of all runs.
    """
    fixed = [
        _panel(
            rf"fixed friction $\xi = {friction:g}$",
            _run(_with_friction(), {"f": friction, "B": NOISE}, steps, chains, seed + k),
            NOISE / (2 * friction),
        )
        for k, friction in enumerate(FRICTIONS)
    ]
    run = _run(catalog.get("sgnht"), {"A": NOISE, "mu": 1.0}, steps, chains, seed + len(fixed))
    friction = mean_estimate(run.samples["xi"])
    adaptive = _panel(
        r"thermostat",
        run,
        0.5,
        ((r"$\langle \xi \rangle$", rf"${friction.value:.3f} \pm {friction.standard_error:.3f}$"),),
    )
    grid = np.linspace(LOWEST, HIGHEST, 441)
    return Experiment(
        title="Experiment: the double well of the paper",
        setting=_setting(steps, chains),
        grid=tuple(grid),
        exact_density=tuple(_exact(grid)),
        panels=(*fixed, adaptive),
        findings=_findings((*fixed, adaptive)),
        seed=seed,
        made=(
            f"Seed {seed}, float32, JAX {version('jax')}, NumPy {np.__version__}; "
            f"run it again with `sdekit report sgnht --experiment --steps {steps} --out FILE`."
        ),
    )


def _setting(steps: int, chains: int) -> str:
    return (
        r"The target is $U(\theta) = (\theta + 4)(\theta + 1)(\theta - 1)(\theta - 3)/14 + 1/2$, "
        rf"with noise of level ${NOISE:g}$ on the momentum, as from a stochastic gradient, step "
        rf"size ${STEP_SIZE:g}$, the paper's Algorithm 1, {steps:,} steps of {chains} chains for "
        r"each panel. A fixed friction $\xi$ has the law of temperature $1/\xi$; the thermostat "
        "finds the friction that matches the noise."
    )


def _with_friction() -> Dynamics:
    """SGHMC whose friction f is whatever the user chose, against noise B."""
    f, B = parameter("f", positive=True), parameter("B", positive=True)
    return Dynamics(
        drift={theta: p, p: -grad(U, theta) - f * p},
        diffusion={p: B * eye(n)},
        hamiltonian=(U + kinetic) * f / B,
        target=U * f / B,
        name="fixed friction",
    )


def _run(
    dynamics: Dynamics, parameters: dict[str, float], steps: int, chains: int, seed: int
) -> Run:
    ready = sampler(
        dynamics, potential=DOUBLE_WELL.potential, parameters=parameters, scheme=ALGORITHM_1.name
    )
    start = np.full(1, DOUBLE_WELL.mean)
    return simulate(
        ready, start, step_size=STEP_SIZE, steps=steps, thin=THIN, chains=chains, seed=seed
    )


def _panel(
    title: str, run: Run, expected: float, moments: tuple[tuple[str, str], ...] = ()
) -> Panel:
    draws = np.asarray(run.samples["theta"])
    heights, edges = np.histogram(draws, bins=BINS, range=(LOWEST, HIGHEST))
    # Draws outside the range count in the normalization, so that the area shown is honest.
    density = heights / (draws.size * np.diff(edges))
    temperature = kinetic_temperature(run.samples["p"])
    mean = mean_estimate(draws[..., 0])
    estimates = (
        (r"$\langle \theta \rangle$", rf"${mean.value:.3f} \pm {mean.standard_error:.3f}$"),
    )
    return Panel(
        title=title,
        edges=tuple(edges),
        density=tuple(density),
        kinetic_energy=float(temperature.value) / 2,
        kinetic_error=float(temperature.standard_error) / 2,
        expected_kinetic_energy=expected,
        moments=(*estimates, *moments),
    )


def _exact(grid: Any) -> Any:
    potential = np.array([DOUBLE_WELL.potential(x) for x in grid])
    return np.exp(-potential) / DOUBLE_WELL.normalizer


def _findings(panels: tuple[Panel, ...]) -> tuple[str, ...]:
    right, cold, hot, adaptive = panels
    return (
        rf"The exact mean of $\theta$ is ${DOUBLE_WELL.mean:.3f}$ and the mean kinetic energy "
        r"$1/2$ for each degree of freedom.",
        rf"Too much friction freezes the momentum ({cold.kinetic_energy:.3f}), too little heats it "
        rf"({hot.kinetic_energy:.3f}); only the friction equal to the noise is right "
        rf"({right.kinetic_energy:.3f}), and it has to be known.",
        rf"The thermostat reaches {adaptive.kinetic_energy:.3f} without being told.",
    )
