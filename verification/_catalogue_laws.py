"""Exact moments of the catalogue's entries whose stationary law is proved and unique.

For U = |theta|^2 / 2 and the parameters and functions that `catalogue_moments` gives them, but for
those given here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import gamma

Pair = tuple[Any, Any]
#: Of open dimensions.
SIZE = 10


def definite(size: int) -> np.ndarray:
    """Eigenvalues 1 and 2."""
    return np.eye(size) + np.ones((size, size)) / size


@dataclass(frozen=True)
class Law:
    """Exact moments of one entry, and how it runs.

    Attributes:
        moments: Mean and variance of the entries of each variable, arrays where they differ.
        parameters: Those that are not units.
        size: Of all open dimensions.
        longer: How much longer than others it runs, where there are few numbers to average.
    """

    moments: Mapping[str, Pair]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    size: int = SIZE
    longer: int = 1


def thermal(theta: float, p: Any, **more: Pair) -> Law:
    """theta and p centred, with these variances."""
    return Law({"theta": (0.0, theta), "p": (0.0, p), **more})


def of_position_noise() -> Pair:
    """Mean and variance of xi, normal about A(theta) = 1 + e / (1 + e) with e = |theta|^2 / 2."""
    e = gamma(SIZE / 2)
    mean = e.expect(lambda x: 1 + x / (1 + x))
    return mean, 1.0 + e.expect(lambda x: (1 + x / (1 + x) - mean) ** 2)


LEVELS = np.linspace(1.0, 2.0, SIZE)
#: A matrix of thermostats has eigenvalues in A -+ sqrt(2 n / mu). With mu = n, the choice of the
#: source for one thermostat, that width is sqrt(2) for every n, and friction is seldom negative.
#: It relaxes in a time mu, so that n is small.
FEW = 4
WIGNER = np.where(np.eye(FEW) == 1, 1 / FEW, 1 / (2 * FEW))

LAWS: dict[str, Law] = {
    "overdamped": Law({"theta": (0.0, 1.0)}),
    "overdamped-preconditioned": Law({"theta": (0.0, 1.0)}),
    "irreversible": Law({"theta": (0.0, 1.0)}),
    # Temperature 1 + h V / 2.
    "sgld": Law({"theta": (0.0, 1.5)}),
    "langevin": thermal(1.0, 1.0),
    "langevin-mass": thermal(1.0, np.diag(definite(SIZE))),
    # kT and m kT.
    "langevin-physical": Law(
        {"theta": (0.0, 1.5), "p": (0.0, 3.0)}, {"kT": 1.5, "m": 2.0, "lam": 2.0}
    ),
    "langevin-magnetic": thermal(1.0, 1.0),
    "langevin-matched": thermal(1.0, 1.0),
    "gle": thermal(1.0, 1.0, s=(0.0, 1.0)),
    "sghmc": thermal(1.0, 1.0),
    # Temperature (A + B) / A.
    "sghmc-tempered": thermal(2.0, 2.0),
    # xi has mean A and variance 1 / mu.
    "sgnht": thermal(1.0, 1.0, xi=(1.0, 1.0)),
    "sgnht-paper": thermal(1.0, 1.0, xi=(1.0, 1 / SIZE)),
    "sgnht-diagonal": Law(thermal(1.0, 1.0, xi=(LEVELS, 1.0)).moments, {"A": LEVELS}),
    "sgnht-matrix-symmetric": Law(
        thermal(1.0, 1.0, xi=(definite(FEW), WIGNER)).moments, {"mu": float(FEW)}, FEW
    ),
    "sgnht-position": thermal(1.0, 1.0, xi=of_position_noise()),
    # All divided by beta.
    "adaptive-langevin": Law(
        thermal(0.5, np.diag(definite(SIZE)) / 2, xi=(1.0, 0.5)).moments, {"beta": 2.0}
    ),
    "ccadl": thermal(1.0, 1.0, xi=(1.0, 1.0)),
    "sgrld": Law({"theta": (0.0, 1.0)}),
    "sgrhmc": thermal(1.0, 1.0),
    # The angle of the velocity has no mean.
    "mclmc-2d": Law({"x": (0.0, 1.0), "y": (0.0, 1.0)}, longer=5),
    # b_hat and eta / (2 m).
    "constant-covariance": Law({"b": (1.0, 0.5)}),
    # b_hat and the inverse of Sigma times tau / 2.
    "sgld-least-squares": Law({"b": (1.0, np.diag(np.linalg.inv(definite(SIZE))) / 2)}),
    # q0 / (2 slope - q2); with slope = 4 q2 the eighth moment is finite, with it the error.
    "student-flow": Law({"e": (0.0, 1.0)}, {"slope": 2.0, "q0": 3.5, "q2": 0.5}, longer=5),
    # The two that claim U for a target: exp(-H) is at a temperature.
    "sgld-tempered-target": Law({"theta": (0.0, 1.5)}),
    "sghmc-tempered-target": thermal(2.0, 2.0),
}
#: Their law is proved and is not the target that they claim.
WRONG_TARGETS = {"sgld-tempered-target", "sghmc-tempered-target"}
