"""torch's SDE and sampling libraries on the same problems, in an interpreter that has them.

Run by `performance --torch-python PATH`; `python -m verification.performance.torch_peers quick`
(or `full`) writes timings by group as JSON. One thread; the loops are those of the libraries'
documentation. Needs neither JAX nor sdekit.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch.nn import Module
from torch.nn.functional import softplus

from verification.performance.regression import BATCH, COLUMNS, regression
from verification.performance.regression import H as REGRESSION_H
from verification.performance.timing import Case, measured

H, LANGEVIN_H, LEVEL = 0.01, 0.05, 1.0
CHAINS, SIZE = 1_000, 10
PACKAGES = ("torch", "torchsde", "posteriors")


def potential(q: torch.Tensor) -> torch.Tensor:
    return (q**4 + q**3 - 13 * q**2 - q + 12) / 14 + 0.5


class Thermostat(Module):
    """The thermostat of the double well, state (theta, p, xi)."""

    noise_type, sde_type = "diagonal", "ito"
    # The initial state, one row.
    begin = torch.tensor([[0.0, 0.0, LEVEL]])

    def f(self, t: Any, y: torch.Tensor) -> torch.Tensor:
        q, p, xi = y.unbind(1)
        slope = (((4 * q + 3) * q - 26) * q - 1) / 14
        return torch.stack([p, -slope - xi * p, p * p - 1], 1)

    def g(self, t: Any, y: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[0.0, np.sqrt(2 * LEVEL), 0.0]], dtype=y.dtype)


class Langevin(Module):
    """Langevin dynamics of many chains on a Gaussian, state (theta, p)."""

    noise_type, sde_type = "diagonal", "ito"
    stiffness = torch.linspace(0.5, 2.0, SIZE)
    begin = torch.zeros(CHAINS, 2 * SIZE)

    def f(self, t: Any, y: torch.Tensor) -> torch.Tensor:
        q, p = y[:, :SIZE], y[:, SIZE:]
        return torch.cat([p, -p - self.stiffness * q], 1)

    def g(self, t: Any, y: torch.Tensor) -> torch.Tensor:
        still, moving = torch.zeros_like(y[:, :SIZE]), torch.full_like(y[:, SIZE:], np.sqrt(2))
        return torch.cat([still, moving], 1)


def torchsde_euler(sde: Any, h: float, steps: int, kept: int) -> Callable[[], object]:
    """torchsde's Euler over its `BrownianInterval`, which is told the step size."""
    import torchsde

    times = torch.linspace(0.0, steps * h, kept + 1)

    def run() -> None:
        noise = torchsde.BrownianInterval(
            t0=times[0], t1=times[-1], size=tuple(sde.begin.shape), dt=h
        )
        torchsde.sdeint(sde, sde.begin, times, bm=noise, method="euler", dt=h)

    return run


def updates(transform: Any, start: torch.Tensor, batch: Callable[[], Any], steps: int) -> Any:
    """The update loop of `posteriors`."""

    def run() -> None:
        state = transform.init(start)
        for _ in range(steps):
            state, _ = transform.update(state, batch())

    return run


def posteriors_thermostat(steps: int) -> Callable[[], object]:
    from posteriors import sgmcmc

    nothing = torch.tensor([])
    transform = sgmcmc.sgnht.build(lambda q, batch: (-potential(q), nothing), lr=H, alpha=LEVEL)
    return updates(transform, torch.tensor(0.0), lambda: None, steps)


def posteriors_regression(method: str, data: Any, steps: int) -> Callable[[], object]:
    from posteriors import sgmcmc

    x, y = map(torch.from_numpy, data)
    rows, nothing = len(y), torch.tensor([])

    def log_posterior(theta: torch.Tensor, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
        logits = batch[0] @ theta
        likelihood = (batch[1] * logits - softplus(logits)).mean() * rows
        return likelihood - (theta * theta).sum() / 2, nothing

    def batch() -> Any:
        numbers = torch.randint(rows, (BATCH,))
        return x[numbers], y[numbers]

    more = {"alpha": LEVEL} if method == "SGNHT" else {}
    module = sgmcmc.sgnht if method == "SGNHT" else sgmcmc.sgld
    transform = module.build(log_posterior, lr=REGRESSION_H, **more)
    return updates(transform, torch.zeros(COLUMNS), batch, steps)


def groups(quick: bool) -> dict[str, list[Case]]:
    """Cases by group of the table, of the libraries that are there."""
    scale = 10 if quick else 1
    steps, rows = 1_000 // scale, 100_000 // scale
    made: dict[str, list[Case]] = {"one chain": [], f"{CHAINS:,} chains x {SIZE}": []}
    if find_spec("torchsde") is not None:
        made["one chain"].append(
            Case("torchsde Euler", torchsde_euler(Thermostat(), H, steps, steps), steps)
        )
        made[f"{CHAINS:,} chains x {SIZE}"].append(
            Case("torchsde Euler", torchsde_euler(Langevin(), LANGEVIN_H, steps, 1),
                 steps * CHAINS * SIZE)
        )  # fmt: skip
    if find_spec("posteriors") is not None:
        made["one chain"].append(
            Case("posteriors sgnht, update loop", posteriors_thermostat(steps), steps)
        )
        data = regression(rows)
        made["minibatches"] = [
            Case(f"posteriors {method}, update loop", posteriors_regression(method, data, steps),
                 steps)
            for method in ("SGLD", "SGNHT")
        ]  # fmt: skip
    return made


def main() -> None:
    # Announcements of the libraries about themselves.
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    quick = sys.argv[1] == "quick"
    found = {
        group: {name: t.plain() for name, t in measured(cases, 3 if quick else 5, 0.1).items()}
        for group, cases in groups(quick).items()
    }
    installed = {name: version(name) for name in PACKAGES if find_spec(name) is not None}
    print(json.dumps({"timings": found, "versions": installed}))


if __name__ == "__main__":
    main()
