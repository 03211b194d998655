"""What the four sources print that does not hold, each with the computation that shows it.

One function for each place: it computes what is printed and what is right, says both in numbers,
and whether the print fails while the correction holds. A row stands in the table as a claim of the
source; its verdict is that of the print. Not for claims about whole experiments.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import sdekit as sk
from sdekit.theory import fixed_signal_counterexample
from sdekit.theory.lipschitz import rates
from verification._data import folder
from verification.papers._experiment import experiment

SETTINGS = {"seed": 10, "rows": 200}
QUICK = {"rows": 20}


@dataclass(frozen=True)
class Misprint:
    """One place.

    Attributes:
        where: Source and section.
        printed: What stands there.
        right: What should.
        compute: Settings -> (numbers as text, whether the print fails and the correction holds),
            or None where data are missing.
    """

    where: str
    printed: str
    right: str
    compute: Callable[[dict], tuple[str, bool] | None]


def metropolis_ratio(settings):
    """Stationary law of a chain of three states by its transition matrix."""
    law = np.array([0.5, 0.3, 0.2])
    proposal = np.array([[0.2, 0.7, 0.1], [0.3, 0.3, 0.4], [0.6, 0.2, 0.2]])

    def distance(reverse):
        ratio = law[None] * reverse / (law[:, None] * proposal)
        moves = proposal * np.minimum(1, ratio)
        moves += np.diag(1 - moves.sum(axis=1))
        return np.abs(law @ moves - law).sum() / 2

    wrong, right = distance(proposal), distance(proposal.T)
    return (
        f"moves {wrong:.3f} of the law in a step, with Q(j, i) {right:.0e}",
        right < 1e-12 < wrong,
    )


def particle():
    """Position, momentum and potential of a declaration."""
    n = sk.dim("n")
    x, p = sk.vector("x", n), sk.vector("p", n)
    return x, p, sk.potential("U", x)


def kinetic_energy(settings):
    x, p, u = particle()
    found = [
        sk.verify(
            sk.Dynamics({x: p, p: -sk.grad(u, x)}, hamiltonian=u + sk.dot(p, p) / part)
        ).checks["stationarity"].verdict.value
        for part in (1, 2)
    ]  # fmt: skip
    told = f"exp(-U - K) is stationary: {found[0]}, with half of K {found[1]}"
    return told, found == ["refuted", "proved"]


def leapfrog_sign(settings):
    x, _, u = particle()
    found = [
        sk.verify(sk.Dynamics({x: sign * sk.grad(u, x)}, {x: 1}, hamiltonian=u)).verdict.value
        for sign in (1, -1)
    ]
    return f"uphill {found[0]}, downhill {found[1]} for all n and U", found == ["refuted", "proved"]


def missing_logarithms(settings):
    """Mode of the posterior of a mean: ten observations at -2, twenty at 3, prior N(0, 1)."""
    data, grid = np.repeat([-2.0, 3.0], [10, 20]), np.linspace(-4, 5, 9001)

    def density(x, at):
        return np.exp(-((x - at) ** 2) / 2) / np.sqrt(2 * np.pi)

    each = density(data[:, None], grid)
    wrong = grid[np.argmax(np.log(density(0, grid) + each.sum(axis=0)))]
    right = grid[np.argmax(np.log(density(0, grid)) + np.log(each).sum(axis=0))]
    exact = data.sum() / (len(data) + 1)
    return (
        f"mode {wrong:.3f}, with the logarithms {right:.3f}, exact {exact:.3f}",
        abs(right - exact) < 1e-3 < abs(wrong - exact),
    )


def matrix_law(settings):
    found = []
    for name in ("sgnht-matrix", "sgnht-matrix-symmetric"):
        proof = sk.verify(sk.catalog.get(name), n=2)
        found.append(proof.checks["uniqueness"].verdict.value)
    told = f"the law is unique: {found[0]} on all matrices, {found[1]} on symmetric ones"
    return told, found == ["refuted", "proved"]


def scalar_thermostat(settings):
    found = [
        sk.verify(sk.catalog.get(n), n=2).verdict.value for n in ("sgnht-anisotropic", "sgnht")
    ]
    return f"D of two levels {found[0]}, D = A I {found[1]}", found == ["refuted", "proved"]


def users(settings):
    path = folder("movielens", "ml1m_triples.npz")
    if path is None:
        return None
    with np.load(path, allow_pickle=False) as archive:
        count = len(np.unique(archive["user"]))
    return f"{count:,} users in the data", count == 6040


def regression(settings):
    """Design, response and number of rows of a random regression."""
    rng = np.random.default_rng(settings["seed"])
    design = rng.standard_normal((settings["rows"], 3)) * np.array([1.0, 2.0, 3.0])
    return design, design @ np.ones(3) + 2 * rng.standard_normal(len(design)), len(design)


def half_of_the_squares(settings):
    """The slope of F along a direction against the flow's drift -X'(X b - y)/n."""
    design, response, n = regression(settings)
    step, drift = 1e-6, -design.T @ (design @ np.zeros(3) - response) / n
    loss = [np.sum((design @ (s * step * drift) - response) ** 2) / n for s in (-1, 1)]
    slope = -(loss[1] - loss[0]) / (2 * step) / (drift @ drift)
    return (
        f"-grad F is {slope:.4f} times the drift, with 1/(2n) {slope / 2:.4f} times",
        bool(abs(slope / 2 - 1) < 1e-4),
    )


def oracle(settings):
    found = fixed_signal_counterexample()
    told = f"ridge {found.ridge:.4f} > flow {found.flow:.4f} at a fixed signal"
    return told, found.ratio < 1


def noise_level(settings):
    """Covariance of a gradient of one row at the least squares solution."""
    design, response, n = regression(settings)
    solution = np.linalg.lstsq(design, response, rcond=None)[0]
    left = response - design @ solution
    exact = np.trace((design.T * left**2) @ design / n)
    printed = np.trace(design.T @ design / n)
    level = left @ left / n
    return (
        f"trace of the covariance {exact / printed:.2f} times the printed, "
        f"{exact / (level * printed):.2f} times with the residual's variance",
        abs(exact / (level * printed) - 1) < 0.3 < abs(exact / printed - 1),
    )


def cross_entropy(settings):
    """Rows of ones, labels 1, weights far on the wrong side: the gradient is nearly one."""
    m = settings["rows"]
    design = np.ones((m, 1))
    reached = np.linalg.norm(design.T @ (1 / (1 + np.exp(20 * np.ones(m))) - 1)) / m
    printed = np.linalg.norm(design, 2) / (2 * m)
    bound = rates.constant("logistic", design, np.ones(m), mode="bound").value
    return (
        f"a gradient of norm {reached:.3f} against {printed:.3f}; valid {bound:.3f}",
        bool(printed < reached <= bound),
    )


def tikhonov_matrix(settings):
    strength, w = 0.3, np.array([1.0, -2.0])
    wanted = strength / 2 * w @ w
    printed, right = (np.sum((g * w) ** 2) for g in (strength / 2, np.sqrt(strength / 2)))
    return f"{printed:.4f} against {right:.4f}, wanted {wanted:.4f}", bool(
        abs(right - wanted) < 1e-12
    )


def descent(settings):
    """Gradient descent at rate 1/L with K = 0.3 and y = 0."""
    design = np.random.default_rng(settings["seed"]).standard_normal((settings["rows"], 3))
    top = np.linalg.eigvalsh(design.T @ design / len(design))[-1]
    w, rate = np.full(3, 0.1), 1 / (0.3 * top)
    start = np.linalg.norm(design @ w)
    for _ in range(50):
        w = w - rate * design.T @ (design @ w) / len(design)
    grown = np.linalg.norm(design @ w) / start
    return f"after 50 steps at 1/L the residual is {grown:.1e} times the first", bool(grown > 1)


def last_layer(settings):
    """y = w2 w1 x with w1 = 0.1, w2 = 10 at x = 1 and a target of 0."""
    w1, w2 = 0.1, 10.0
    error = w2 * w1
    first, last = abs(error * w2), abs(error * w1)
    return f"first layer {first:g}, last layer {last:g}", first > last


PLACES = (
    Misprint(
        "SGLD exposition, 3.1", "accept with pi(j) Q(i, j) / (pi(i) Q(i, j))",
        "pi(j) Q(j, i) / (pi(i) Q(i, j))", metropolis_ratio,
    ),
    Misprint(
        "SGLD exposition, 3.3", "K = p' M^-1 p with dx/dt = M^-1 p", "half of it", kinetic_energy
    ),
    Misprint(
        "SGLD exposition, 4.2", "a step +(eps^2/2) grad U", "-(eps^2/2) grad U", leapfrog_sign
    ),
    Misprint(
        "SGLD exposition, 4.2 and 5", "grad log(p + sum p(x_i))", "grad of the sum of logarithms",
        missing_logarithms,
    ),
    Misprint(
        "SGNHT, 4.2", "Xi ~ MN(D, I/mu, I) on all n x n matrices",
        "on symmetric ones; Xi - Xi' is conserved", matrix_law,
    ),
    Misprint(
        "SGNHT, 3", "(5), (6) for a stochastic force", "for noise that is a multiple of I",
        scalar_thermostat,
    ),
    Misprint("SGNHT, 5", "MovieLens 1M has 6,050 users", "6,040", users),
    Misprint("Least squares flow", "F = sum r_i^2 / n", "sum r_i^2 / (2n)", half_of_the_squares),
    Misprint(
        "Least squares flow", "inf risk of ridge <= inf risk of the flow", "as Bayes risk", oracle
    ),
    Misprint(
        "Least squares flow, (2)", "covariance (eta/m) Sigma", "times the residual's variance",
        noise_level,
    ),
    Misprint("Learning rates", "cross entropy: ||X||/(2m)", "||X||/sqrt(m)", cross_entropy),
    Misprint(
        "Learning rates", "L2 is Tikhonov with Gamma = (lambda/2) I", "sqrt(lambda/2) I",
        tikhonov_matrix,
    ),
    Misprint(
        "Learning rates", "with rate 1/L every step descends",
        "with the constant of the gradient", descent,
    ),
    Misprint(
        "Learning rates", "the last layer has the largest gradient", "not in general", last_layer
    ),
)  # fmt: skip


def main() -> int:
    record, settings = experiment("misprints", SETTINGS, QUICK)
    stands = []
    for place in PLACES:
        found = place.compute(settings)
        if found is None:
            continue
        stands.append(found[1])
        # The verdict is that of the print; a computation that shows nothing is no verdict.
        record.row(
            f"{place.where}: {place.printed}", "as printed",
            f"{found[0]}; right: {place.right}", False if found[1] else None,
        )  # fmt: skip
    record.write()
    return 0 if all(stands) else 1


if __name__ == "__main__":
    sys.exit(main())
