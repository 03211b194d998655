r"""Simulation-based calibration of `sk.sample` as it comes: ranks of known truths are uniform.

theta is drawn from the prior, data from theta, and the rank of theta among `DRAWS` nearly
independent posterior draws is uniform on 0..DRAWS if, and only if, the draws are of the posterior
(Talts, Betancourt, Simpson, Vehtari, Gelman 2018, arXiv:1804.06788). Statistics of each quantity:
the mean of u = (rank + 1/2) / (DRAWS + 1) is 1/2 with variance 1/(12 N), which a shift changes, and
the mean of (2u - 1)^2 is nearly 1/3 with variance 4/(45 N), which a width changes. Every replicate
counts, whatever its verdict. The twins are the same truths among draws that were moved by a
posterior deviation, and among draws that were narrowed to half: of normal posteriors they lie 9 and
8.6 standard errors off with 100 replicates.

Run `python -m verification.calibration [--quick] [--replicates N] [--parts DIR] [MODEL ...]`. With
`--parts` every finished replicate is kept there, and one that is kept is not run again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from jax.scipy.special import gammaln

import sdekit as sk
from verification._results import Report, arguments
from verification.posteriors.__main__ import kept

DRAWS, REPLICATES = 99, 100
SURE = 4.5
#: What the twins do to the draws: x + SHIFT sd, and mean + NARROWED (x - mean).
SHIFT, NARROWED = 1.0, 1 / 2

Generator = np.random.Generator
Position = dict[str, Any]


@dataclass(frozen=True)
class Model:
    """A generative process.

    Attributes:
        title: What it is.
        prior: Draws theta.
        data: Draws data, given theta.
        log_joint: log p(theta) + log p(data | theta), up to a constant.
        domains: Of theta, as `sk.sample` wants them.
        quantities: Of one theta: the numbers that are ranked.
    """

    title: str
    prior: Callable[[Generator], Position]
    data: Callable[[Position, Generator], Any]
    log_joint: Callable[[Position, Any], Any]
    domains: dict[str, str]
    quantities: Callable[[Position], Any]


def normal_log(x: Any, mean: Any = 0.0, deviation: Any = 1.0) -> Any:
    return jnp.sum(-(((x - mean) / deviation) ** 2) / 2 - jnp.log(deviation))


def lognormal_log(x: Any, deviation: float) -> Any:
    return jnp.sum(-((jnp.log(x) / deviation) ** 2) / 2 - jnp.log(x))


TIMES = 40
DESIGN = np.random.default_rng(5).normal(size=(40, 3))
LEVELS = np.array([15, 10, 16, 11, 9, 11, 10, 18.0]) / 10
RATE_SPREAD = 0.5


def _ou_data(theta: Position, rng: Generator) -> np.ndarray:
    decay, x = np.exp(-theta["rate"]), [rng.normal() * theta["spread"]]
    for _ in range(TIMES):
        x.append(decay * x[-1] + theta["spread"] * np.sqrt(1 - decay**2) * rng.normal())
    return np.array(x)


def _ou_log(theta: Position, x: Any) -> Any:
    decay = jnp.exp(-theta["rate"])
    moved = normal_log(x[1:], decay * x[:-1], theta["spread"] * jnp.sqrt(1 - decay**2))
    first = normal_log(x[0], 0.0, theta["spread"])
    prior = lognormal_log(theta["rate"], RATE_SPREAD) + lognormal_log(theta["spread"], RATE_SPREAD)
    return moved + first + prior


def _counts_log(theta: Position, counts: Any) -> Any:
    share = theta["share"]
    return jnp.sum((counts + 1.0) * jnp.log(share))  # Dirichlet(2, 2, 2, 2)


def _schools_log(theta: Position, y: Any) -> Any:
    own = theta["mean"] + theta["width"] * theta["z"]
    likelihood = jnp.sum(-(((y - own) / LEVELS) ** 2) / 2)
    prior = normal_log(theta["z"]) + normal_log(theta["mean"]) - theta["width"] ** 2 / 2
    return likelihood + prior


def _logistic_log(theta: Position, y: Any) -> Any:
    score = jnp.asarray(DESIGN) @ theta["b"]
    return jnp.sum(y * score - jnp.logaddexp(0.0, score)) + normal_log(theta["b"])


def _poisson_log(theta: Position, y: Any) -> Any:
    # Negative binomial counts: mean m = exp(a), variance m + m^2 / k.
    m, k = jnp.exp(theta["a"]), theta["k"]
    likelihood = jnp.sum(
        gammaln(y + k) - gammaln(k) + k * jnp.log(k / (k + m)) + y * jnp.log(m / (k + m))
    )
    return likelihood + normal_log(theta["a"]) + lognormal_log(theta["k"], 1.0)


def _poisson_data(theta: Position, rng: Generator) -> np.ndarray:
    m, k = np.exp(theta["a"]), theta["k"]
    return rng.poisson(rng.gamma(k, m / k, size=60)).astype(float)


MODELS = {
    "ou": Model(
        "rate and spread of an Ornstein-Uhlenbeck path, 41 values",
        lambda rng: {k: float(np.exp(RATE_SPREAD * rng.normal())) for k in ("rate", "spread")},
        _ou_data, _ou_log, {"rate": "positive", "spread": "positive"},
        lambda theta: jnp.stack([theta["rate"], theta["spread"], theta["rate"] * theta["spread"]]),
    ),
    "logistic": Model(
        "logistic regression, 40 rows, 3 coefficients",
        lambda rng: {"b": rng.normal(size=3)},
        lambda theta, rng: (rng.random(40) < 1 / (1 + np.exp(-DESIGN @ theta["b"]))).astype(float),
        _logistic_log, {},
        lambda theta: jnp.append(theta["b"], theta["b"] @ theta["b"]),
    ),
    "schools": Model(
        "a hierarchy of eight groups, written by its standardized effects",
        lambda rng: {"mean": rng.normal(), "width": abs(rng.normal()), "z": rng.normal(size=8)},
        lambda theta, rng: (
            theta["mean"] + theta["width"] * theta["z"] + LEVELS * rng.normal(size=8)
        ),
        _schools_log, {"width": "positive"},
        lambda theta: jnp.stack([theta["mean"], theta["width"], theta["z"][0]]),
    ),
    "shares": Model(
        "shares of four kinds from 30 counts, on the simplex",
        lambda rng: {"share": rng.dirichlet(np.full(4, 2.0))},
        lambda theta, rng: rng.multinomial(30, theta["share"]).astype(float),
        _counts_log, {"share": "simplex"},
        lambda theta: jnp.append(theta["share"][:3], jnp.max(theta["share"])),
    ),
    "counts": Model(
        "mean and shape of negative binomial counts, 60 of them",
        lambda rng: {"a": rng.normal(), "k": float(np.exp(rng.normal()))},
        _poisson_data, _poisson_log, {"k": "positive"},
        lambda theta: jnp.stack([theta["a"], theta["k"]]),
    ),
}  # fmt: skip


def ranked(draws: np.ndarray, truth: np.ndarray) -> list[int]:
    """How many of `DRAWS` draws, evenly spaced, lie below the truth, by quantity."""
    spaced = draws[np.linspace(0, len(draws) - 1, DRAWS).astype(int)]
    return (spaced < truth).sum(axis=0).tolist()


def replicate(model: Model, number: int) -> dict[str, Any]:
    """Ranks of one truth among the draws as they are, moved and narrowed."""
    rng = np.random.default_rng([number, 11])
    theta = model.prior(rng)
    data = jnp.asarray(model.data(theta, rng))
    start = model.prior(rng)
    run = sk.sample(
        log_density=lambda x: model.log_joint(x, data), position=start, seed=number,
        domains=model.domains or None,
    )  # fmt: skip
    with jax.enable_x64(True):
        of_all = jax.jit(jax.vmap(jax.vmap(model.quantities)))
        values = np.asarray(of_all(jax.tree.map(jnp.asarray, run.position)))
        truth = np.asarray(model.quantities(jax.tree.map(jnp.asarray, theta)))
    # Chains stay one behind the other, so that evenly spaced draws come from all of them.
    draws = values.reshape(-1, values.shape[-1])
    mean, deviation = draws.mean(axis=0), draws.std(axis=0)
    return {
        "verdict": run.verdict, "ranks": ranked(draws, truth),
        "moved": ranked(draws + SHIFT * deviation, truth),
        "narrowed": ranked(mean + NARROWED * (draws - mean), truth),
    }  # fmt: skip


def scores(ranks: list[list[int]]) -> np.ndarray:
    """Standard scores of place and width, (quantity, 2)."""
    u = (np.array(ranks) + 0.5) / (DRAWS + 1)
    place = (u.mean(axis=0) - 1 / 2) * np.sqrt(12 * len(u))
    width = (((2 * u - 1) ** 2).mean(axis=0) - 1 / 3) * np.sqrt(45 * len(u) / 4)
    return np.stack([place, width], axis=-1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="*", help="which; all")
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--parts", type=Path, help="folder of finished replicates")
    options = arguments(__doc__.splitlines()[0], parser)
    count = 3 if options.quick else options.replicates
    report = Report("calibration", options, seed=0)
    chosen = options.models or list(MODELS)
    if unknown := set(chosen) - MODELS.keys():
        parser.error(f"no model {sorted(unknown)}; there are {', '.join(MODELS)}")
    figure, axes = plt.subplots(1, len(chosen), figsize=(3 * len(chosen), 2.6), squeeze=False)
    worst, twins, verdicts = {}, {}, {}
    for name, axis in zip(chosen, axes[0], strict=True):
        found = [
            kept(options.parts, f"{name}.{i}", lambda name=name, i=i: replicate(MODELS[name], i))
            for i in range(count)
        ]
        told = scores([one["ranks"] for one in found])
        moved = scores([one["moved"] for one in found])[:, 0]
        narrowed = scores([one["narrowed"] for one in found])[:, 1]
        report.add(name, {
            "model": MODELS[name].title, "place and width": told, "moved": moved,
            "narrowed": narrowed, "ranks": [one["ranks"] for one in found],
        })  # fmt: skip
        worst[name] = float(np.abs(told).max())
        twins[name] = (float(np.abs(moved).max()), float(narrowed.max()))
        verdicts[name] = sum(one["verdict"] == "converged" for one in found)
        print(f"{name}: worst {worst[name]:.2f}, twins {twins[name]}, converged "
              f"{verdicts[name]} of {count}", flush=True)  # fmt: skip
        axis.hist(np.ravel([one["ranks"] for one in found]), bins=10, range=(0, DRAWS + 1))
        axis.set_title(name)
        axis.set_xlabel("rank of the truth")
    report.claim(
        f"Simulation-based calibration of sk.sample on {len(chosen)} models, {count} truths each: "
        f"place and width of the ranks uniform within {SURE} standard errors",
        f"at most {max(worst.values()):.2f}; converged: "
        + ", ".join(f"{name} {k}" for name, k in verdicts.items()),
        max(worst.values()) < SURE,
    )
    least = min(min(pair) for pair in twins.values())
    report.claim(
        "Twins: draws moved by a deviation, and draws narrowed to half, are found",
        f"at least {least:.1f} standard errors",
        least > SURE,
    )
    report.write(figure)


if __name__ == "__main__":
    main()
