"""`sk.sample` and `sk.tune`: draws with a stated bias, or the reason why not."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.diagnostics.draw_statistics import mean_estimate
from sdekit.errors import ArgumentError, SimulationError

ALPHA = np.array([2.0, 3.0, 5.0])


def joint(x):
    """tau ~ Gamma(3, 1), w ~ Dirichlet(2, 3, 5), c ~ N(0, 1) in order, u ~ Beta(2, 2) scaled."""
    share = (x["u"] + 1) / 4
    return (
        x["tau"]
        - 2 * jnp.log(x["tau"])
        - jnp.sum((ALPHA - 1) * jnp.log(x["w"]))
        + jnp.sum(x["c"] ** 2) / 2
        - jnp.log(share * (1 - share))
    )


START = {"tau": 1.0, "w": np.full(3, 1 / 3), "c": np.array([-1.0, 1.0]), "u": 0.0}
DOMAINS = {"tau": "positive", "w": "simplex", "c": "ordered", "u": ["-1", "3"]}


@pytest.fixture(scope="module")
def run():
    return sk.sample(joint, START, domains=DOMAINS, seed=2, adjusted=True)


def test_constrained_parameters_have_the_moments_of_their_laws(run):
    assert run.verdict == "converged" and run.is_converged and run.bias == 0
    gap = run.samples["c"][..., 1] - run.samples["c"][..., 0]
    exact = {
        "tau": (run.samples["tau"], 3.0),
        "tau^2": (run.samples["tau"] ** 2, 12.0),
        "w": (run.samples["w"], ALPHA / 10),
        "w^2": (run.samples["w"] ** 2, ALPHA * (ALPHA + 1) / 110),
        "c": (gap, 2 / np.sqrt(np.pi)),
        "u": ((run.samples["u"] - 1) ** 2, 16 / 20),
    }
    for name, (draws, mean) in exact.items():
        assert np.abs(mean_estimate(draws).z(mean)).max() < 4.5, name
    # Twin: without the Jacobian tau would have the density Gamma(2, 1) here.
    assert abs(mean_estimate(run.samples["tau"]).z(2.0)) > 7


def test_a_run_carries_its_facts(run):
    assert run.samples["w"].shape == (4, run.draws, 3) and run.chains == 4
    np.testing.assert_allclose(run.position["w"], run.samples["w"], rtol=1e-12)
    assert run.sample_stats["lp"].shape == (4, run.draws)
    assert run.gradients > run.tuned.gradients > 0
    assert run.tuned.scheme == "HMC" and "converged" in str(run)
    data = run.to_arviz()
    assert data.posterior["w"].dims == ("chain", "draw", "w_dim_0")
    assert data.sample_stats["lp"].shape == (4, run.draws)
    assert data.posterior.attrs["verdict"] == "converged"


def test_unadjusted_draws_state_a_bias_that_holds():
    """log-Gamma: an asymmetric target, for which BAOAB has a bias."""
    run = sk.sample(
        log_density=lambda y: 2 * y - jnp.exp(y), position=0.0, adjusted=False, draws=2000
    )
    assert run.tuned.scheme == "BAOAB" and run.verdict == "converged"
    assert 0 < run.bias <= 0.02 and run.tuned.parameters["gamma"] == 1.0
    digamma, spread = 0.42278433509846713, 0.8030778709665127  # of Gamma(2): psi(2), sqrt psi'(2)
    mean = mean_estimate(run.samples["theta"])
    assert abs(mean.value - digamma) < run.bias * spread + 4.5 * mean.standard_error
    assert run.tuned.deviation_bias < 0.1


def two_modes(x):
    return -jnp.logaddexp(-jnp.sum((x - 6) ** 2) / 2, -jnp.sum((x + 6) ** 2) / 2)


def funnel(x):
    """Neal's funnel: v ~ N(0, 3), x_i ~ N(0, e^(v/2))."""
    return x[0] ** 2 / 18 + jnp.sum(x[1:] ** 2) * jnp.exp(-x[0]) / 2 + x[1:].size * x[0] / 2


REFUSED = {
    "separate modes": (two_modes, 2, "separate modes: 2 were found"),
    "a funnel": (funnel, 8, "funnel|disagree|effective"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trusted_is_not_called_converged(name):
    potential, d, said = REFUSED[name]
    run = sk.sample(potential, jnp.zeros(d), budget=4000, draws=100)
    assert run.verdict != "converged" and not run.is_converged
    assert re.search(said, run.verdict)
    # A block, and the check of curvature beyond.
    assert run.tuned.gradients < 4000 + 4 * 25 * 128


@pytest.mark.parametrize(("beyond", "is_told"), [(jnp.nan, True), (jnp.inf, False)])
def test_where_the_density_is_no_number_is_told(beyond, is_told):
    """The twin says by an infinite U what it means."""
    found = sk.sample(lambda x: jnp.where(x > 1, beyond, x**2 / 2), 0.0, chains=2, draws=100)
    assert any("no number (NaN)" in note for note in found.notes) is is_told


def test_a_tuned_target_says_what_was_chosen():
    tuned = sk.tune("langevin", lambda x: jnp.sum(x["a"] ** 2) * 5e5, {"a": np.ones(3)})
    assert tuned.scheme == "HMC" and tuned.bias == 0 and tuned.refusal == ""
    # The metric is that of the target: N(0, 1e-6) in each coordinate.
    whitened = tuned.metric.factor.T @ (1e6 * np.eye(3)) @ tuned.metric.factor
    np.testing.assert_allclose(whitened, np.eye(3), atol=0.7)
    assert tuned.to_dict()["parameters"] == {"leapfrog_steps": 2}
    assert "HMC, h = " in str(tuned) and tuned.gradients < 4000


WRONG = {
    "no target": ({"position": 0.0}, "given by its potential or by its log density"),
    "both signs": (
        {"target": joint, "position": START, "log_density": joint},
        "given by its potential or by its log density",
    ),
    "no start": ({"target": joint}, "no start is given"),
    "a start outside": ({"target": jnp.sum, "position": -1.0, "domains": "positive"}, "outside"),
    "a vector in place of a number": ({"target": lambda x: x, "position": np.ones(2)}, "scalar"),
    "no density at the start": ({"target": jnp.log, "position": 0.0}, "not finite at the start"),
    "an error of the user": (
        {"target": lambda x: x["a"], "position": 1.0},
        "fails at the position",
    ),
    "an unknown option": ({"target": joint, "position": START, "stepps": 5}, "stepps"),
    "a word of another library": (
        {"target": joint, "num_samples": 5},
        "expected draws, found num_",
    ),
    "no tolerance": ({"target": joint, "position": START, "tolerance": 0}, "tolerated bias"),
    "one chain": ({"target": joint, "position": START, "chains": 1}, "chains"),
    "text": ({"target": "x**2", "position": 1.0}, "of no known kind"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_told(name):
    arguments, said = WRONG[name]
    if arguments.get("position") is START:
        arguments = {"domains": DOMAINS, **arguments}
    kind = ArgumentError if "num_samples" in arguments else SimulationError
    with pytest.raises(kind, match=said):
        sk.sample(**arguments)


def test_only_langevin_dynamics_are_tuned():
    with pytest.raises(SimulationError, match="this dynamics is not tuned"):
        sk.tune("sgnht", joint, START)
