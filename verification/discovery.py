r"""What `sk.discover` finds among linear families of two auxiliary vectors, and what it is worth.

The best family that is in no catalogue entry is proved, audited, run on harmonic targets against
what was promised, and compared with Langevin and generalized Langevin dynamics on posteriors. A
posterior is scaled entry by entry at its mode, and each family takes the values, word and step that
`sk.discover` would choose for the stiffnesses that are left. Effective draws are those of the worst
entry or square. Run `SDEKIT_DATA=... python -m verification.discovery`.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

import sdekit as sk
from sdekit.designer.discovery.ansatz_members import solved_ansatz
from sdekit.designer.discovery.discover import Discovery
from sdekit.designer.discovery.promise import Goal, Harmonic, Promise
from sdekit.diagnostics.draw_statistics import mean_estimate
from sdekit.tuning.sampled_target import target_of
from verification._results import Report, arguments
from verification.posteriors.models import load

STIFFNESS = (1.0, 100.0)
POSTERIORS = (
    "kidiq-kidscore_momiq",
    "eight_schools-eight_schools_noncentered",
    "earnings-logearn_height",
)
CHAINS, STEPS = 64, 16_000
#: Of the couplings of each family that is compared.
FAMILIES = {
    "langevin": {"D_p"},
    "gle": {"D_s1", "c_s1_p"},
    "two frictions": {"D_p", "D_s1", "c_s1_p"},
}


def longest_measured(values: np.ndarray) -> float:
    """The largest autocorrelation time of values of mean zero, (chain, draw, k), in steps."""
    count = values.shape[1]
    spectrum = np.abs(np.fft.rfft(values, 2 * count, axis=1)) ** 2
    covariances = np.fft.irfft(spectrum, axis=1)[:, :count].mean(axis=0)
    rho = covariances / np.arange(count, 0, -1)[:, None] / (values**2).mean(axis=(0, 1))
    # What is left out behind 400 steps is below 1e-4 of the time at the gap that is promised.
    return float((1 + 2 * rho[1:400].sum(axis=0)).max())


def effective_share(
    dynamics: sk.Dynamics,
    promise: Promise,
    potential: Any,
    start: np.ndarray,
    steps: int,
    seed: int,
) -> tuple[float, np.ndarray]:
    """Effective draws per step of the worst entry or square of theta, and the draws."""
    with jax.enable_x64(True):
        run = sk.simulate(
            dynamics, start, potential=potential, parameters=dict(promise.parameters), seed=seed,
            scheme=promise.scheme, step_size=promise.step_size, steps=steps, chains=CHAINS,
        )  # fmt: skip
    draws = np.asarray(run.samples["theta"])[:, steps // 10 :]
    centred = draws - draws.mean(axis=(0, 1))
    squares = centred**2 - (centred**2).mean(axis=(0, 1))
    return 1 / longest_measured(np.concatenate([centred, squares], axis=-1)), draws


def harmonic_run(family: Discovery, steps: int) -> dict[str, Any]:
    """Variances and effective draws on the targets that the promise is about."""
    k = np.geomspace(*STIFFNESS, 5)

    def potential(x: Any) -> Any:
        return jnp.sum(jnp.asarray(k) * x**2) / 2

    share, draws = effective_share(family.dynamics, family.promise, potential, 0 * k, steps, 2)
    gaps = [mean_estimate(k[i] * draws[..., i] ** 2) for i in range(len(k))]
    worst = max(abs(gap.value - 1) / gap.standard_error for gap in gaps)
    return {"promised": family.promise.efficiency, "measured": share, "variance_z": float(worst)}


def scaled_potential(name: str) -> tuple[Any, np.ndarray, tuple[float, float]]:
    """U around the mode in units of its own width, the mode there, and the stiffnesses left."""
    model = load(name)
    with jax.enable_x64(True):
        target = target_of(None, model.start, model.domains, log_density=model.log_density)
        start = np.asarray(target.start, float)
        gradient = jax.jit(jax.grad(target.potential))
        value = jax.jit(target.potential)
        mode = minimize(
            lambda x: float(value(x)), start, jac=lambda x: np.asarray(gradient(x)), method="BFGS"
        ).x
        hessian = np.asarray(jax.hessian(target.potential)(jnp.asarray(mode)))
    width = np.sqrt(np.diag(np.linalg.inv(hessian)))
    left = np.linalg.eigvalsh(hessian * np.outer(width, width))
    centre, scale = jnp.asarray(mode), jnp.asarray(width)

    def potential(x: Any) -> Any:
        return target.potential(centre + scale * x)

    return potential, 0 * mode, (float(left[0]), float(left[-1]))


def compared(name: str, steps: int) -> dict[str, Any]:
    """Promised and measured effective draws per gradient of each family on one posterior."""
    potential, start, stiffness = scaled_potential(name)
    ansatz = solved_ansatz(2, 0)
    found: dict[str, Any] = {"stiffness": stiffness, "dimension": len(start)}
    means = {}
    for support in ansatz.supports(3):
        title = next((t for t, c in FAMILIES.items() if c == {x.symbol.name for x in support}), "")
        if not title:
            continue
        harmonic = Harmonic(ansatz.member(support), Goal(stiffness, 0.0, 0.01, 1))
        promise = harmonic.promise(harmonic.best_values())
        assert promise is not None
        share, draws = effective_share(harmonic.dynamics, promise, potential, start, steps, 3)
        estimates = [mean_estimate(draws[..., i]) for i in range(len(start))]
        means[title] = np.array([(e.value, e.standard_error) for e in estimates])
        found[title] = {
            "scheme": promise.scheme, "step_size": promise.step_size,
            "parameters": dict(promise.parameters), "promised": promise.efficiency,
            "measured": share,
        }  # fmt: skip
    for title in ("gle", "two frictions"):
        gap = means[title] - means["langevin"]
        error = np.hypot(means[title][:, 1], means["langevin"][:, 1])
        found[title]["mean_z"] = float(np.abs(gap[:, 0] / error).max())
        for kind in ("promised", "measured"):
            found[title][f"gain_{kind}"] = found[title][kind] / found["langevin"][kind]
    return found


def audited(family: Discovery) -> dict[str, Any]:
    """The audit of its compiled step, and of the twin that has a friction of p too many."""

    def potential(x: Any) -> Any:
        return jnp.sum(x**2) / 2

    values = dict(family.promise.parameters)
    found = {}
    for title, factor in (("own", 1.0), ("twin", 1.5)):
        given = {**values, "D_p": factor * values["D_p"]}
        model = sk.sampler(family.dynamics, potential, given, scheme=family.promise.scheme)
        state = model.init(jax.random.key(0), jnp.zeros(2))

        def to_state(blocks: dict[str, Any], state: Any = state) -> Any:
            return state._replace(
                position=blocks["theta"], auxiliary={x: blocks[x] for x in ("p", "s1")}
            )

        audit = sk.audit(
            model.step, family.dynamics, sizes={"n": 2}, potential=potential, parameters=values,
            to_state=to_state, from_state=lambda s: {"theta": s.position, **s.auxiliary},
            draws=160_000, chains=2048,
        )  # fmt: skip
        found[title] = {"verdict": str(audit.verdict), "found": list(audit.discrepancies)}
    return found


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("discovery", options, seed=3)
    steps = 2000 if options.quick else STEPS
    families = sk.discover(2, stiffness=STIFFNESS, keep=8)
    new = next(f for f in families if not f.published)
    print(new, flush=True)
    harmonic = harmonic_run(new, steps)
    print(harmonic, flush=True)
    audit = audited(new)
    print(audit, flush=True)
    cases = {}
    for name in POSTERIORS:
        cases[name] = compared(name, steps)
        print(name, cases[name], flush=True)
        jax.clear_caches()
    gains = [case["two frictions"]["gain_measured"] for case in cases.values()]
    report.judge(
        {
            "families": [family.to_dict() for family in families],
            "harmonic": harmonic, "audit": audit, "posteriors": cases,
            "gain_of_two_frictions_over_langevin": gains,
        },
        audit["own"]["verdict"] == "consistent"
        and audit["twin"]["verdict"] == "inconsistent"
        and harmonic["variance_z"] < 4.5
        and abs(harmonic["measured"] / harmonic["promised"] - 1) < 0.1
        and all(case["two frictions"]["mean_z"] < 4.5 for case in cases.values()),
    )  # fmt: skip
    figure, axes = plt.subplots(figsize=(6, 4))
    for title in FAMILIES:
        points = [(c[title]["promised"], c[title]["measured"]) for c in cases.values()]
        axes.plot(*zip(*points, strict=True), "o", label=title)
    axes.axline((0, 0), slope=1, color="k", linewidth=0.7)
    axes.set(xlabel="promised on harmonic targets", ylabel="effective draws per gradient")
    axes.legend()
    report.write(figure)


if __name__ == "__main__":
    main()
