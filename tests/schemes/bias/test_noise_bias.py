"""B = h V / 2 both ways, and the laws of schemes under declared gradient noise."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

import sdekit as sk
from sdekit.errors import SchemeError
from sdekit.schemes.bias.harmonic import harmonic_law
from sdekit.schemes.bias.linear_step import quadratic_law
from sdekit.schemes.bias.mean_field import thermostat_prediction
from sdekit.schemes.bias.noise_bias import (
    covariance_of_gradient,
    diffusion_of_gradient,
    gradient_shares,
)
from sdekit.schemes.bias.scheme_bias import bias
from sdekit.schemes.split.splitting import splitting

n = sk.dim("n")
theta, p, xi = sk.vector("theta", n), sk.vector("p", n), sk.scalar("xi")
A, B = sk.parameter("A", positive=True), sk.parameter("B", positive=True)
U = sk.potential("U", theta)


def langevin(injected, carried):
    """Friction A, and D = injected + carried."""
    return sk.Dynamics(
        {theta: p, p: -sk.grad(U, theta) - A * p},
        {p: injected},
        gradient_noise=carried,
        hamiltonian=U + sk.dot(p, p) / 2,
        target=U,
    )


matched = langevin(A - B, {p: B})


def test_the_noise_of_one_gradient_and_the_diffusion_are_inverse_to_each_other():
    shares = (Fraction(1, 2), Fraction(1, 2))
    assert diffusion_of_gradient(1000.0, 0.001) == 0.5
    # Two independent gradients of half a step each: half of the noise.
    assert diffusion_of_gradient(1000.0, 0.001, shares) == 0.25
    assert covariance_of_gradient(0.25, 0.001, shares) == pytest.approx(1000.0, rel=1e-14)


@pytest.mark.parametrize("word", ["BAOAB", "ABOBA", "OBABO", "Algorithm1", "EM", "ABAOABA"])
def test_declared_gradient_noise_is_that_of_the_gradients_a_step_draws(word):
    """The law with a declared B is that of the injected dynamics with V = 2 B / (h sum s^2)."""
    h, numbers = 0.2, {"A": 1.5, "B": 0.4}
    V = covariance_of_gradient(0.4, h, gradient_shares(splitting(matched), word))
    given = {"stiffness": 2.0, "step_size": h, "parameters": numbers}
    declared = quadratic_law(matched, word, **given)
    by_hand = quadratic_law(matched.injected(), word, gradient_covariance=float(V), **given)
    assert np.allclose(declared.covariance, by_hand.covariance, rtol=1e-12, atol=0)
    closed = harmonic_law(matched, word)
    put = {s: {"A": 1.5, "B": 0.4, "K": 2.0, "h": h}.get(s.name) for s in closed_symbols(closed)}
    value = closed.written_out(closed.moment("theta", "theta")).subs(put)
    assert float(value) == pytest.approx(declared.block("theta")[0, 0], rel=1e-10)


def closed_symbols(law):
    return law.written_out(law.moment("theta", "theta")).free_symbols


def test_the_law_of_a_matched_declaration_tends_to_the_target():
    """Twin: with A injected in full the limit is hotter, (A + B) / A."""
    numbers = {"A": 1.0, "B": 0.5}
    found = [
        quadratic_law(model, "BAOAB", stiffness=1.0, step_size=1e-3, parameters=numbers)
        for model in (matched, langevin(A, {p: B}))
    ]
    variances = [law.block("theta")[0, 0] for law in found]
    # The noise of the gradient damps over a step: an error of order h.
    assert variances == pytest.approx([1.0, 1.5], rel=2e-3)


def test_the_order_and_the_bias_read_the_sum_with_the_gradient_noise_in_the_kick():
    numbers = {"A": 2, "B": "1/2"}
    found = sk.order(matched, "BAOAB")
    assert (found.weak_order, found.invariant_order) == (2, 2)
    told = bias(matched, "BAOAB", potential="theta**2", parameters=numbers)
    slope = told.coefficient
    small = quadratic_law(
        matched, "BAOAB", stiffness=2.0, step_size=0.01, parameters={"A": 2.0, "B": 0.5}
    )
    assert told.power == 2 and told.harmonic is not None
    # BAOAB is symmetric about its force, so that halves of one draw are as good as two draws.
    error = small.block("theta")[0, 0] - 0.5
    assert error == pytest.approx(slope * 0.01**2, rel=0.02)


def test_an_unmatched_declaration_has_no_bias_to_speak_of():
    with pytest.raises(SchemeError, match="not stationary"):
        bias(langevin(A, {p: B}), "BAOAB", potential="theta**2", parameters={"A": 1, "B": 1})


def test_noise_that_is_declared_and_given_is_refused():
    with pytest.raises(SchemeError, match="one of them"):
        bias(matched, "EM", potential="theta**2", gradient_covariance=1)
    with pytest.raises(SchemeError, match="one of them"):
        quadratic_law(matched, "EM", stiffness=1.0, step_size=0.1, gradient_covariance=1.0)
    with pytest.raises(SchemeError, match="one of them"):
        harmonic_law(matched, "BAOAB", gradient_covariance=sp.Symbol("V"))


def test_a_thermostat_finds_the_declared_gradient_noise():
    """Mean of xi: A + B, and the same number as with V given by hand."""
    mu = sk.parameter("mu", positive=True)
    model = sk.Dynamics(
        {theta: p, p: -sk.grad(U, theta) - xi * p, xi: (sk.dot(p, p) - n) / mu},
        {p: A},
        gradient_noise={p: B},
        hamiltonian=U + sk.dot(p, p) / 2 + mu * (xi - A - B) ** 2 / 2,
        target=U,
    )
    assert sk.verify(model).verdict is sk.Verdict.PROVED
    given = {"stiffness": np.diag([1.0, 2.0]), "step_size": 0.01, "parameters": {"A": 1.0, "mu": 1}}
    declared = thermostat_prediction(
        model, "BADODAB", **{**given, "parameters": {"A": 1.0, "B": 0.5, "mu": 1}}
    )
    assert declared.thermostat == pytest.approx(1.5, rel=0.01)
    by_hand = thermostat_prediction(
        sk.catalog.get("sgnht"), "BADODAB", gradient_covariance=100.0 * np.eye(2), **given
    )
    assert declared.thermostat == pytest.approx(by_hand.thermostat, rel=1e-9)
