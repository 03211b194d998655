"""Expectations to a tolerance: exact means, the cost, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.estimates.coupled_paths import path_end
from sdekit.simulation.estimates.expectation import Level
from sdekit.simulation.estimates.multilevel import check_laws, expectation

X = sk.scalar("x")
X_POSITIVE = sk.scalar("x", domain="positive")
RATE, SPREAD = 0.05, 0.2
STOCK = sk.Dynamics(drift={X: X / 20}, noise={X: X / 5}, name="Black-Scholes")


RATED = sk.Dynamics(drift={X_POSITIVE: 1}, noise={X_POSITIVE: 1})


def call(blocks):
    return np.exp(-RATE) * jnp.maximum(blocks["x"] - 1.0, 0.0)


def black_scholes():
    d = (RATE + SPREAD**2 / 2) / SPREAD
    return stats.norm.cdf(d) - np.exp(-RATE) * stats.norm.cdf(d - SPREAD)


@pytest.fixture(scope="module")
def priced():
    return sk.expect(STOCK, call, 1.0, t1=1.0, tolerance=1e-3, scheme="EM", precision="float64")


def test_a_call_of_black_and_scholes_is_priced_to_the_tolerance(priced):
    assert abs(priced.value - black_scholes()) < 4.5 * 1e-3
    assert priced.standard_error < 1.01 * 1e-3 / np.sqrt(2)
    assert priced.bias < 1e-3 / np.sqrt(2)
    assert not priced.notes
    assert [level.steps for level in priced.levels][:3] == [4, 8, 16]
    # Euler: E[difference]^2 and its variance fall like h^2 and h.
    assert 0.7 < priced.variance_rate < 1.4
    assert "plain paths" in str(priced)


def test_most_paths_are_short(priced):
    spreads = [level.variance for level in priced.levels]
    assert spreads[0] > 30 * spreads[1] > 30 * spreads[2]
    assert priced.levels[0].paths > priced.levels[2].paths


def test_mirrored_paths_have_a_smaller_variance():
    asked = {"t1": 1.0, "tolerance": 5e-3, "scheme": "EM"}
    plain, mirrored = (
        sk.expect(STOCK, lambda b: b["x"], 1.0, antithetic=both, **asked) for both in (False, True)
    )
    assert mirrored.levels[0].variance < plain.levels[0].variance / 20
    assert abs(mirrored.value - np.exp(RATE)) < 4.5 * 5e-3


def test_small_steps_of_a_path_are_summed_with_care():
    rising = sk.sampler(sk.Dynamics(drift={X: 1}, noise={X: 0}), scheme="EM")
    noise = (jax.random.key(0), np.zeros((40, 1)))
    # Each step is below half a rounding of the state, 2^-4: plain sums stay at 1e6.
    end = jax.jit(lambda h: path_end(rising, rising.bind(1e6), 1e6, noise, h=h))(1 / 40)
    assert abs(float(end["x"]) - 1_000_001) < 2.0**-4


def test_levels_that_agree_to_rounding_are_of_one_law_and_get_no_note():
    def level(steps, mean, coarse):
        return Level(steps, 4096, mean, 1e-12, (1e6 + 0.06, 1e-8), coarse)

    found = [level(4, 1e6, (0.0, 0.0)), level(8, 0.0, (1e6, 1e-8)), level(16, 0.0, (1e6, 1e-8))]
    check_laws(found, 2.0**-23)
    assert not expectation(found, 0.1, (2.0, -1.0), 0.0).notes
    # Twins: in double precision these are no roundings, and 1e-5 needs many paths of each level.
    with pytest.raises(SimulationError, match="another law"):
        check_laws(found, 2.0**-52)
    assert expectation(found, 1e-7, (2.0, -1.0), 0.0).notes


def test_what_has_no_levels_is_refused_in_words():
    overdamped = sk.Dynamics(drift={X: -(X**3)}, diffusion={X: 1}, hamiltonian=X**4 / 4)
    driven = sk.Dynamics(drift={X: sk.cos(sk.time)}, noise={X: 1})
    asked = {"t1": 1.0, "tolerance": 0.1}
    for dynamics, other, words in [
        (overdamped, {"scheme": "MALA"}, "proposals"),
        (driven, {}, "single precision"),
        (STOCK, {"tolerance": -1.0}, "tolerance is none"),
        (STOCK, {"t1": -1.0}, "step size"),
        (STOCK, {"t1": "later"}, "t1 is no time"),
        (RATED, {}, "outside its domain"),
    ]:
        with pytest.raises(SimulationError, match=words):
            sk.expect(dynamics, lambda b: b["x"], -1.0, **{**asked, **other})
    weak = sk.sampler(overdamped, scheme="EM", noise="weak")
    with pytest.raises(SimulationError, match="weak"):
        sk.expect(weak, lambda b: b["x"], 1.0, **asked)
    with pytest.raises(SimulationError, match=r"the function fails.*KeyError"):
        sk.expect(STOCK, lambda b: b["y"], 1.0, scheme="EM", **asked)
    with pytest.raises(SimulationError, match="no number"):
        sk.expect(STOCK, lambda b: jnp.stack([b["x"]] * 2), 1.0, scheme="EM", **asked)
    with pytest.raises(SimulationError, match="not finite"):
        sk.expect(STOCK, lambda b: jnp.log(b["x"] - 1.0), 1.0, scheme="EM", **asked)
