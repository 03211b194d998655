"""Posteriors of posteriordb as log densities of constrained parameters, written from MODELS.md.

Each is checked against the five values of its log density that its file holds (`worst_check`).
Densities are with respect to the parameters given, without Jacobian. Not for sampling (`__main__`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

Values = Mapping[str, Any]


def data_folder() -> Path | None:
    """The folder of the posteriors, or None where `SDEKIT_DATA` does not lead to it."""
    root = os.environ.get("SDEKIT_DATA")
    folder = Path(root) / "posteriordb" if root else None
    return folder if folder is not None and folder.is_dir() else None


@dataclass(frozen=True, eq=False)
class Posterior:
    """One posterior.

    Attributes:
        name: Of its file.
        log_density: Of a position.
        start: A position of positive density.
        domains: For `sk.sample`.
        reported: Position -> the values in the order of the reference.
        position: Those values -> position, for checks.
        parameters: Names of the reference.
        summary: Mean, deviation and their errors by name.
        check: Points and differences of the log density, where the file has them.
        log_volume: What the density of the check has beside that of the position.
    """

    name: str
    log_density: Callable[[Any], Any]
    start: Any
    domains: Any
    reported: Callable[[Any], Any]
    position: Callable[[np.ndarray], Any]
    parameters: tuple[str, ...]
    summary: Mapping[str, Mapping[str, float]]
    check: Mapping[str, Any] | None
    log_volume: Callable[[Any], Any] = field(default=lambda x: 0.0)

    def worst_check(self) -> float | None:
        """Largest relative error of the differences of the log density; None without a check."""
        if self.check is None:
            return None
        with jax.enable_x64(True):
            both = jax.jit(lambda x: self.log_density(x) + self.log_volume(x))
            values = [float(both(self.position(np.array(p)))) for p in self.check["points"]]
        gaps = np.array(values) - values[0]
        exact = np.array(self.check["log_density_minus_first"], float)
        return float(np.max(np.abs(gaps - exact) / np.maximum(np.abs(exact), 1)))


@dataclass(frozen=True)
class Model:
    """What a model says beside its data; the fields are those of `Posterior`."""

    log_density: Callable[[Any], Any]
    start: Any
    domains: Any
    reported: Callable[[Any], Any]
    position: Callable[[np.ndarray], Any]
    log_volume: Callable[[Any], Any] = field(default=lambda x: 0.0)


def normal(x: Any, mean: Any, deviation: Any) -> Any:
    """Log densities of N(mean, deviation), summed, without the constant."""
    size = jnp.broadcast_shapes(jnp.shape(x), jnp.shape(mean), jnp.shape(deviation))
    spread = jnp.broadcast_to(jnp.log(deviation), size)
    return -jnp.sum(((x - mean) / deviation) ** 2) / 2 - jnp.sum(spread)


def cauchy(x: Any, scale: float) -> Any:
    """Log density of a (half) Cauchy law, without the constant."""
    return -jnp.sum(jnp.log1p((x / scale) ** 2))


def lognormal(x: Any, mean: Any, deviation: Any) -> Any:
    """Log density of LN(mean, deviation), without the constant."""
    return normal(jnp.log(x), mean, deviation) - jnp.sum(jnp.log(x))


def linear(
    y: Any,
    columns: Any,
    prior: Callable[[Any], Any],
    prior_of_beta: Callable[[Any], Any] = lambda beta: 0.0,
) -> Model:
    """y ~ N(sum_j beta_j column_j, sigma); parameters (beta, sigma)."""
    x, y = np.column_stack(columns).astype(float), np.asarray(y, float)
    count = x.shape[1]

    def log_density(v: Values) -> Any:
        fit = normal(y, x @ v["beta"], v["sigma"])
        return fit + prior(v["sigma"]) + prior_of_beta(v["beta"])

    return Model(
        log_density,
        {"beta": np.zeros(count), "sigma": np.asarray(y.std())},
        {"sigma": "positive"},
        lambda v: jnp.concatenate([v["beta"], v["sigma"][None]]),
        lambda p: {"beta": p[:count], "sigma": p[count]},
    )


def flat(sigma: Any) -> float:
    """No prior factor."""
    del sigma
    return 0.0


def _regression(name: str, d: Mapping[str, Any]) -> Model:
    """The linear regressions of the table, by the name after the dash."""
    a = {key: np.asarray(v, float) for key, v in d.items()}
    one = np.ones(int(d["N"]))
    half_cauchy = lambda sigma: cauchy(sigma, 2.5)  # noqa: E731
    if name.startswith("log"):
        if "earn" in a:
            height, male = a["height"], a["male"]
            z = (height - height.mean()) / height.std(ddof=1)
            columns = {
                "log10earn_height": [one, height], "logearn_height": [one, height],
                "logearn_height_male": [one, height, male],
                "logearn_interaction_z": [one, z, male, z * male],
            }[name]  # fmt: skip
            return linear(np.log10(a["earn"]) if "10" in name else np.log(a["earn"]), columns, flat)
        shape = {k: np.log(a[k]) for k in ("diam1", "diam2", "canopy_height", "total_height")}
        area = shape["diam1"] + shape["diam2"]
        volume, density = area + shape["canopy_height"], np.log(a["density"])
        columns = {
            "logmesquite": [one, *shape.values(), density, a["group"]],
            "logmesquite_logva": [one, volume, area, a["group"]],
            "logmesquite_logvolume": [one, volume],
        }[name]
        return linear(np.log(a["weight"]), columns, flat)
    if name == "mesquite":
        names = ("diam1", "diam2", "canopy_height", "total_height", "density", "group")
        return linear(a["weight"], [one, *(a[k] for k in names)], flat)
    if name == "nes":
        ages = [(a["age_discrete"] == k).astype(float) for k in (2, 3, 4)]
        more = [a[k] for k in ("educ1", "gender", "income")]
        return linear(a["partyid7"], [one, a["real_ideo"], a["race_adj"], *ages, *more], flat)
    hs, iq = a["mom_hs"], a["mom_iq"]
    if "interaction" in name:
        h, q = hs - hs.mean(), iq - iq.mean()
        if name.endswith("_z"):
            h, q = h / (2 * hs.std(ddof=1)), q / (2 * iq.std(ddof=1))
        return linear(a["kid_score"], [one, h, q, h * q], flat)
    columns = {"momhs": [one, hs], "momiq": [one, iq], "momhsiq": [one, hs, iq]}
    return linear(a["kid_score"], columns[name.removeprefix("kidscore_")], half_cauchy)


def _blr(d: Mapping[str, Any]) -> Model:
    x = np.asarray(d["X"], float)
    ten = lambda v: -jnp.sum(v**2) / 200  # noqa: E731
    return linear(d["y"], list(x.T), ten, ten)


def _diamonds(d: Mapping[str, Any]) -> Model:
    x, y = np.asarray(d["X"], float)[:, 1:], np.asarray(d["Y"], float)
    z, count = x - x.mean(0), x.shape[1] - 0

    def log_density(v: Values) -> Any:
        t3 = -2 * jnp.log1p((v["Intercept"] - 8) ** 2 / 300) - 2 * jnp.log1p(v["sigma"] ** 2 / 300)
        fit = normal(y, v["Intercept"] + z @ v["b"], v["sigma"])
        return fit - jnp.sum(v["b"] ** 2) / 2 + t3

    return Model(
        log_density,
        {"Intercept": y.mean(), "b": np.zeros(count), "sigma": np.asarray(y.std())},
        {"sigma": "positive"},
        lambda v: jnp.concatenate([v["b"], v["Intercept"][None], v["sigma"][None]]),
        lambda p: {"b": p[:count], "Intercept": p[count], "sigma": p[count + 1]},
    )


def _eight_schools(d: Mapping[str, Any], *, centred: bool) -> Model:
    y, deviation = np.asarray(d["y"], float), np.asarray(d["sigma"], float)

    def effects(v: Values) -> Any:
        return v["theta"] if centred else v["mu"] + v["tau"] * v["theta"]

    def log_density(v: Values) -> Any:
        own = normal(v["theta"], v["mu"], v["tau"]) if centred else -jnp.sum(v["theta"] ** 2) / 2
        prior = -(v["mu"] ** 2) / 50 + cauchy(v["tau"], 5.0)
        return own + prior + normal(y, effects(v), deviation)

    return Model(
        log_density,
        {"theta": np.zeros(8), "mu": 0.0, "tau": 3.0},
        {"tau": "positive"},
        lambda v: jnp.concatenate([effects(v), v["mu"][None], v["tau"][None]]),
        lambda p: {"theta": p[:8], "mu": p[8], "tau": p[9]},
    )


def _arma(d: Mapping[str, Any]) -> Model:
    y = np.asarray(d["y"], float)

    def log_density(v: Values) -> Any:
        mu, phi, theta, sigma = v["mu"], v["phi"], v["theta"], v["sigma"]

        def step(before: Any, pair: Any) -> Any:
            error = pair[1] - (mu + phi * pair[0] + theta * before)
            return error, error

        first = y[0] - (mu + phi * mu)
        pairs = jnp.asarray(np.column_stack([y[:-1], y[1:]]), first.dtype)
        _, errors = jax.lax.scan(step, first, pairs)
        prior = -(mu**2) / 200 - phi**2 / 8 - theta**2 / 8 + cauchy(sigma, 2.5)
        return normal(jnp.append(errors, first), 0.0, sigma) + prior

    names = ("mu", "phi", "theta", "sigma")
    return Model(
        log_density,
        {"mu": y.mean(), "phi": 0.0, "theta": 0.0, "sigma": y.std()},
        {"sigma": "positive"},
        lambda v: jnp.stack([v[k] for k in names]),
        lambda p: dict(zip(names, p, strict=True)),
    )


def forward(emissions: Any, rows: Any) -> Any:
    """Log of the sum over state paths, with weight 1 for both first states."""

    def step(alpha: Any, emission: Any) -> Any:
        return jax.nn.logsumexp(alpha[:, None] + rows, 0) + emission, None

    return jax.nn.logsumexp(jax.lax.scan(step, emissions[0], emissions[1:])[0])


def _hmm(d: Mapping[str, Any]) -> Model:
    y = np.asarray(d["y"], float)

    def means(v: Values) -> Any:
        return jnp.stack([v["first"], v["first"] + v["gap"]])

    def log_density(v: Values) -> Any:
        mu = means(v)
        rows = jnp.log(jnp.stack([v["theta1"], v["theta2"]]))
        prior = -((mu[0] - 3) ** 2) / 2 - (mu[1] - 10) ** 2 / 2
        return prior + forward(-((y[:, None] - mu) ** 2) / 2, rows)

    return Model(
        log_density,
        {"theta1": np.array([0.5, 0.5]), "theta2": np.array([0.5, 0.5]), "first": 3.0, "gap": 7.0},
        {"theta1": "simplex", "theta2": "simplex", "first": "positive", "gap": "positive"},
        lambda v: jnp.concatenate([v["theta1"], v["theta2"], means(v)]),
        lambda p: {"theta1": p[:2], "theta2": p[2:4], "first": p[4], "gap": p[5] - p[4]},
    )


def _drive(d: Mapping[str, Any]) -> Model:
    u, w = np.asarray(d["u"], float), np.asarray(d["v"], float)
    alpha, tau, rho = np.asarray(d["alpha"], float), d["tau"], d["rho"]

    def log_density(v: Values) -> Any:
        phi, lam = v["phi"], v["lambda"]
        rows = jnp.log(jnp.stack([v["theta1"], v["theta2"]]))
        seen = -(((u[:, None] - phi) / tau) ** 2 + ((w[:, None] - lam) / rho) ** 2) / 2
        places = np.array([0.0, 3.0])
        prior = -jnp.sum((phi - places) ** 2 + (lam - places) ** 2) / 2
        return prior + jnp.sum((alpha - 1) * rows) + forward(seen, rows)

    ends = [np.quantile(x, [0.25, 0.75]) for x in (u, w)]
    return Model(
        log_density,
        {"theta1": np.array([0.7, 0.3]), "theta2": np.array([0.3, 0.7]), "phi": ends[0],
         "lambda": ends[1]},
        {"theta1": "simplex", "theta2": "simplex", "phi": "ordered", "lambda": "ordered"},
        lambda v: jnp.concatenate([v["theta1"], v["theta2"], v["phi"], v["lambda"]]),
        lambda p: {"theta1": p[:2], "theta2": p[2:4], "phi": p[4:6], "lambda": p[6:8]},
    )  # fmt: skip


def _gaussian_process(d: Mapping[str, Any]) -> Model:
    x, k = np.asarray(d["x"], float), np.asarray(d["k"], float)
    squares, small = (x[:, None] - x) ** 2, 1e-10 * np.eye(len(x))

    def root(v: Values) -> Any:
        return jnp.linalg.cholesky(
            v["alpha"] ** 2 * jnp.exp(-squares / (2 * v["rho"] ** 2)) + small
        )

    def log_density(v: Values) -> Any:
        f = root(v) @ v["w"]
        prior = 24 * jnp.log(v["rho"]) - 4 * v["rho"] - v["alpha"] ** 2 / 8
        counts = jnp.sum(k * f - jnp.exp(f) - gammaln(k + 1))
        return prior - jnp.sum(v["w"] ** 2) / 2 + counts

    def position(p: np.ndarray) -> Any:
        v = {"rho": jnp.asarray(p[0]), "alpha": jnp.asarray(p[1])}
        w = jax.scipy.linalg.solve_triangular(root(v), jnp.asarray(p[2:]), lower=True)
        return {**v, "w": w}

    return Model(
        log_density,
        {"rho": 6.0, "alpha": 1.0, "w": np.zeros(len(x))},
        {"rho": "positive", "alpha": "positive"},
        lambda v: jnp.concatenate([v["rho"][None], v["alpha"][None], root(v) @ v["w"]]),
        position,
        lambda v: -jnp.sum(jnp.log(jnp.diagonal(root(v)))),
    )


def _lotka_volterra(d: Mapping[str, Any]) -> Model:
    y = np.vstack([d["y_init"], d["y"]]).astype(float)
    times = np.concatenate([[0.0], np.asarray(d["ts"], float)])
    parts = 20

    def log_density(v: Values) -> Any:
        t = v["theta"]

        def slope(z: Any) -> Any:
            return jnp.stack([(t[0] - t[1] * z[1]) * z[0], (t[3] * z[0] - t[2]) * z[1]])

        def step(z: Any, h: Any) -> Any:
            a = slope(z)
            b = slope(z + h / 2 * a)
            c = slope(z + h / 2 * b)
            return z + h / 6 * (a + 2 * b + 2 * c + slope(z + h * c)), None

        def until(z: Any, length: Any) -> Any:
            z, _ = jax.lax.scan(step, z, jnp.full(parts, length / parts))
            return z, z

        path = jax.lax.scan(until, v["z_init"], jnp.asarray(np.diff(times)))[1]
        path = jnp.log(jnp.concatenate([v["z_init"][None], path]))
        prior = -jnp.sum(
            (t - np.array([1, 0.05, 1, 0.05])) ** 2 / (2 * np.array([0.5, 0.05] * 2) ** 2)
        )
        prior += lognormal(v["z_init"], np.log(10), 1.0) + lognormal(v["sigma"], -1.0, 1.0)
        return prior + normal(np.log(y), path, v["sigma"])

    return Model(
        log_density,
        {"theta": np.array([0.7, 0.03, 0.7, 0.03]), "z_init": y[0], "sigma": np.array([0.4, 0.4])},
        {"theta": "positive", "z_init": "positive", "sigma": "positive"},
        lambda v: jnp.concatenate([v["theta"], v["z_init"], v["sigma"]]),
        lambda p: {"theta": p[:4], "z_init": p[4:6], "sigma": p[6:8]},
    )


#: Models that are no entry of the table of regressions.
OTHERS: dict[str, Callable[[Mapping[str, Any]], Model]] = {
    "blr": _blr,
    "diamonds": _diamonds,
    "eight_schools_noncentered": lambda d: _eight_schools(d, centred=False),
    "eight_schools_centered": lambda d: _eight_schools(d, centred=True),
    "arma11": _arma,
    "hmm_example": _hmm,
    "hmm_drive_1": _drive,
    "gp_pois_regr": _gaussian_process,
    "lotka_volterra": _lotka_volterra,
}


def names() -> tuple[str, ...]:
    """The posteriors that the folder holds."""
    folder = data_folder()
    return tuple(sorted(p.stem for p in folder.glob("*.json"))) if folder else ()


def load(name: str) -> Posterior:
    """One posterior by the name of its file."""
    folder = data_folder()
    if folder is None:
        raise SystemExit("set SDEKIT_DATA to the folder that holds posteriordb/")
    given = json.loads((folder / f"{name}.json").read_text())
    short = name.partition("-")[2]
    read = OTHERS.get(short)
    model = _regression(short, given["data"]) if read is None else read(given["data"])
    reference = given["reference"]
    return Posterior(
        name, model.log_density, model.start, model.domains, model.reported, model.position,
        tuple(reference["parameters"]), reference["summary"], given.get("check"), model.log_volume,
    )  # fmt: skip
