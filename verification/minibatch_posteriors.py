"""Real posteriors against reference draws: BAOAB with full gradients, SGNHT with minibatches.

Run `SDEKIT_DATA=... python -m verification.minibatch_posteriors`. The references are the
posteriordb summaries of 10,000 draws each. A mean or standard deviation agrees if it differs from
the reference by at most 4 combined Monte Carlo standard errors plus the bias, where the bias is
estimated from a second run: half the step for BAOAB, half the step and twice the batch for SGNHT.
Both errors then shrink to a quarter (the weak error of the splittings is of order h^2, that of the
minibatch noise goes with h / M), so that bias = 4/3 of the difference.

Everything is sampled on an unconstrained scale, log sigma and log tau with their Jacobian, in
coordinates whitened by least squares: a linear map, which changes no posterior.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import sdekit as sk
from sdekit.diagnostics.draw_statistics import Estimate, deviation_estimate, mean_estimate
from verification._results import Report, arguments
from verification.posteriors.models import data_folder

REGRESSIONS = ("kidiq-kidscore_momiq", "sblrc-blr")
EIGHT_SCHOOLS = "eight_schools-eight_schools_noncentered"
NAMES = (*REGRESSIONS, EIGHT_SCHOOLS)


@dataclass(frozen=True)
class Target:
    """A posterior in whitened coordinates.

    Args:
        reference: Summary of the reference draws, by parameter.
        minibatch: Batch size -> `sk.Minibatch`.
        rows: Number of data.
        size: Number of coordinates.
        parameters: Draws (chain, draw, size) -> constrained parameters by name.
    """

    reference: dict[str, dict[str, float]]
    minibatch: Callable[[int], sk.Minibatch]
    rows: int
    size: int
    parameters: Callable[[np.ndarray], dict[str, np.ndarray]]


def load(name: str) -> Target:
    folder = data_folder()
    if folder is None:
        raise SystemExit("set SDEKIT_DATA to the folder that holds posteriordb/")
    given = json.loads((folder / f"{name}.json").read_text())
    reference = given["reference"]["summary"]
    if name == EIGHT_SCHOOLS:
        return eight_schools(given["data"], reference)
    return regression(name, given["data"], reference)


def regression(name: str, data: dict, reference: dict) -> Target:
    """y ~ N(X beta, sigma) with the priors of the two models."""
    if name == "kidiq-kidscore_momiq":
        x = np.column_stack([np.ones(data["N"]), data["mom_iq"]])
        y = np.array(data["kid_score"], float)

        def log_prior(beta: Any, log_sigma: Any) -> Any:
            return -jnp.log1p((jnp.exp(log_sigma) / 2.5) ** 2)
    else:
        x, y = np.array(data["X"]), np.array(data["y"])

        def log_prior(beta: Any, log_sigma: Any) -> Any:
            return -jnp.sum(beta**2) / 200 - jnp.exp(2 * log_sigma) / 200

    rows, columns = x.shape
    beta_hat = np.linalg.lstsq(x, y, rcond=None)[0]
    residual = y - x @ beta_hat
    log_scale = np.log(residual.std())
    whitening = np.linalg.cholesky(np.exp(2 * log_scale) * np.linalg.inv(x.T @ x))
    width = 1 / np.sqrt(2 * rows)

    def unpacked(z: Any) -> Any:
        return beta_hat + whitening @ z[:columns], log_scale + width * z[columns]

    def prior(z: Any) -> Any:
        beta, log_sigma = unpacked(z)
        return log_prior(beta, log_sigma) + log_sigma  # the Jacobian of sigma = exp(log_sigma)

    def likelihood(z: Any, batch: Any) -> Any:
        log_sigma = log_scale + width * z[columns]
        error = batch["residual"] - batch["x"] @ z[:columns]
        return -0.5 * error**2 * jnp.exp(-2 * log_sigma) - log_sigma

    # Residuals and whitened rows are made in double precision: y - X beta cancels in single.
    moved = {"x": x @ whitening, "residual": residual}

    def parameters(z: np.ndarray) -> dict[str, np.ndarray]:
        beta = beta_hat + z[..., :columns].astype(float) @ whitening.T
        found = {f"beta[{i + 1}]": beta[..., i] for i in range(columns)}
        return {**found, "sigma": np.exp(log_scale + width * z[..., columns].astype(float))}

    return Target(
        reference,
        lambda batch: sk.Minibatch(prior, likelihood, moved, batch, vectorized=True),
        rows,
        columns + 1,
        parameters,
    )


def eight_schools(data: dict, reference: dict) -> Target:
    """z_j ~ N(0, 1), mu ~ N(0, 5), tau ~ half-Cauchy(0, 5), y_j ~ N(mu + tau z_j, sigma_j)."""
    y, sigma = np.array(data["y"], float), np.array(data["sigma"], float)
    scale = 4.0  # about the posterior deviation of mu

    def prior(q: Any) -> Any:
        z, mu, log_tau = q[:8], scale * q[8], q[9]
        tau_part = -jnp.log1p((jnp.exp(log_tau) / 5) ** 2) + log_tau
        return -jnp.sum(z**2) / 2 - mu**2 / 50 + tau_part

    def likelihood(q: Any, row: Any) -> Any:
        effect = scale * q[8] + jnp.exp(q[9]) * q[row["school"]]
        return -(((row["y"] - effect) / row["sigma"]) ** 2) / 2

    def parameters(q: np.ndarray) -> dict[str, np.ndarray]:
        q = q.astype(float)
        mu, tau = scale * q[..., 8], np.exp(q[..., 9])
        found = {f"theta[{j + 1}]": mu + tau * q[..., j] for j in range(8)}
        return {**found, "mu": mu, "tau": tau}

    rows = {"y": y, "sigma": sigma, "school": np.arange(8)}
    return Target(
        reference, lambda batch: sk.Minibatch(prior, likelihood, rows, batch), 8, 10, parameters
    )


def draws(target: Target, method: str, h: float, batch: int, work: int, seed: int) -> dict:
    """Constrained draws of one method, by parameter, shape (chain, draw)."""
    minibatch = target.minibatch(batch)
    thin = max(1, round(1.0 / h))
    common: dict[str, Any] = {
        "step_size": h, "steps": work * thin, "thin": thin, "burn_in": 200 * thin, "chains": 32,
        "seed": seed, "record": ["theta"],
    }  # fmt: skip
    start = np.zeros(target.size)
    if method == "BAOAB":
        run = sk.simulate(
            sk.catalog.get("langevin"), start, potential=minibatch.potential,
            parameters={"A": 1.0}, scheme="BAOAB", **common,
        )  # fmt: skip
    else:
        run = sk.simulate(
            sk.catalog.get("sgnht"), start, potential=minibatch,
            parameters={"A": 1.0, "mu": float(target.size)}, scheme="BADODAB", **common,
        )  # fmt: skip
    return target.parameters(run.samples["theta"])


def settings(target: Target, method: str) -> tuple[tuple[float, int], tuple[float, int]]:
    """(step, batch) of the run and of the finer run that shows its bias."""
    if method == "BAOAB":
        return (0.4, target.rows), (0.2, target.rows)
    batch = max(2, target.rows // 10)
    return (0.1, batch), (0.05, 2 * batch)


def compare(name: str, method: str, work: int) -> tuple[dict, bool]:
    """One posterior by one method; `work` is the time of each of the 32 chains."""
    target = load(name)
    (h, batch), (fine_h, fine_batch) = settings(target, method)
    coarse = draws(target, method, h, batch, work, seed=1)
    fine = draws(target, method, fine_h, fine_batch, work, seed=2)
    table, passed = {}, True
    for parameter, known in target.reference.items():
        for kind, estimator in (("mean", mean_estimate), ("sd", deviation_estimate)):
            a, b = estimator(coarse[parameter]), estimator(fine[parameter])
            bias = Estimate(
                4 / 3 * (a.value - b.value), 4 / 3 * np.hypot(a.standard_error, b.standard_error)
            )
            error = np.hypot(a.standard_error, known[f"mcse_{kind}"])
            gap = a.value - known[kind]
            holds = bool(abs(gap) <= 4 * error + abs(bias.value))
            passed = passed and holds
            table[f"{kind} of {parameter}"] = {
                "reference": known[kind],
                "found": a.value,
                "combined_error": error,
                "bias": bias.value,
                "bias_error": bias.standard_error,
                "bias_in_posterior_sd": bias.value / known["sd"],
                "gap_in_errors": gap / error,
                "holds": holds,
            }
    largest = max(abs(row["bias_in_posterior_sd"]) for row in table.values())
    worst = max(abs(row["gap_in_errors"]) for row in table.values())
    print(
        f"{name} {method}: {'agrees' if passed else 'DIFFERS'}, largest gap {worst:.2f} errors, "
        f"largest bias {largest:.4f} posterior sd"
    )
    facts = {"step_size": h, "batch": batch, "rows": target.rows, "chains": 32, "work": work}
    return {**facts, "largest_bias_in_posterior_sd": largest, "quantities": table}, passed


CASES = [(name, "BAOAB") for name in NAMES] + [(name, "SGNHT") for name in REGRESSIONS]


def check(work: int = 10_000) -> tuple[dict, bool]:
    found, passed = {}, True
    for name, method in CASES:
        facts, holds = compare(name, method, work)
        found[f"{name} {method}"] = facts
        passed = passed and holds
        jax.clear_caches()
    return {"cases": found}, passed


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("minibatch_posteriors", options, seed=1)
    report.judge(*(check(300) if options.quick else check()))
    report.write()


if __name__ == "__main__":
    main()
