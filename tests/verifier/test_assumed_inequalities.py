"""Inequalities of parameters and bounded functions in proofs."""

from fractions import Fraction

import pytest

import sdekit as sk

a = sk.parameter("a", positive=True)
k, m = sk.parameter("k"), sk.parameter("m")
x, y, w = sk.scalar("x"), sk.scalar("y"), sk.scalar("w", domain="positive")
#: A mixture with the weights a and 1 - a.
MIXED = -sk.log(a * sk.exp(-(x**2) / 2) + (1 - a) * sk.exp(-((x - 1) ** 2)))
CROSSED = a * x**2 / 2 + a * y**2 / 2 + m * x * y


def flow(energy, *facts, noise=None):
    variables = [z for z in (x, y, w) if energy.depends_on(z)]
    drift = {z: -sk.grad(energy, z) for z in variables}
    diffusion = dict.fromkeys(variables, 1)
    if noise is not None:
        drift = {x: -a * x - noise * y, y: -noise * x - a * y}
        diffusion = {x: a, y: a, (x, y): noise}
    return sk.Dynamics(drift, diffusion, hamiltonian=energy, assume=list(facts))


@pytest.mark.parametrize(
    ("model", "check", "is_proved"),
    [
        (flow(CROSSED, a > m, m > -a), "normalizable", True),
        (flow(CROSSED, a > m), "normalizable", False),
        (flow(CROSSED, a >= m, m >= -a), "normalizable", False),
        (flow(k * sk.log(1 + x**2), 2 * k > 1), "normalizable", True),
        (flow(k * sk.log(1 + x**2), 2 * k >= 1), "normalizable", False),
        (flow(w - (k - 1) * sk.log(w), k > 0), "normalizable", True),
        (flow(w - (k - 1) * sk.log(w), k > -1), "normalizable", False),
        (flow((x**2 + y**2) / 2, a**2 >= m**2, noise=m), "diffusion_psd", False),
        (flow((x**2 + y**2) / 2, a >= m, m >= -a, noise=m), "diffusion_psd", True),
        (flow((x**2 + y**2) / 2, a >= m, noise=m), "diffusion_psd", False),
        (flow(MIXED, a < 1), "normalizable", True),
        (flow(MIXED, a < 1), "stationarity", True),
        (flow(MIXED), "stationarity", False),
        (flow(MIXED, a < 2), "stationarity", False),
    ],
)
def test_an_inequality_is_used_in_a_proof_and_no_more_than_it_says(model, check, is_proved):
    assert sk.verify(model).checks[check].is_proved == is_proved


@pytest.mark.parametrize(
    ("energy", "verdict"),
    [
        ("U", "refuted"),
        ("U + x**2", "proved"),
        ("m*U + x**2", "proved"),
        ("U + V", "refuted"),
    ],
)
def test_a_bounded_function_neither_makes_nor_breaks_a_finite_integral(energy, verdict):
    names = {name: sk.potential(name, x, bounded=True) for name in "UV"}
    parts = {"U": names["U"], "U + x**2": names["U"] + x**2, "m*U + x**2": m * names["U"] + x**2}
    written = parts.get(energy, names["U"] + names["V"])
    found = sk.verify(flow(written)).checks["normalizable"]
    assert found.verdict == verdict
    assert not any("integrable" in assumption for assumption in found.assumptions)


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ((k >= m + 1, m >= k + 1), "undecided"),
        ((k > m, m >= k), "undecided"),
        ((a < -1,), "undecided"),
        ((a**2 <= -1,), "undecided"),
        ((k >= m, m >= k), "proved"),
        ((k >= m + 1, m >= k - 2), "proved"),
    ],
)
def test_inequalities_that_no_parameters_fulfil_prove_nothing(facts, verdict):
    model = flow(a * x**2 + (k - m) ** 2, *facts)
    assert sk.verify(model).verdict.value == verdict


def crossed(*facts):
    """Noise [[1, m], [m, 1]] for N(0, I)."""
    drift = {x: -x - m * y, y: -m * x - y}
    return sk.Dynamics(
        drift, {x: 1, y: 1, (x, y): m}, hamiltonian=(x**2 + y**2) / 2, assume=list(facts)
    )


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ((m < 1, m > -1), "proved"),
        ((m**2 < 1,), "proved"),
        ((m**2 <= 1,), "proved"),
        ((m**2 < 2,), "refuted"),
        ((m < 2, m > -1), "refuted"),
        ((m**2 >= 2,), "refuted"),
        ((m > 1, m < -1), "undecided"),
    ],
)
def test_a_parameter_between_two_bounds_has_both(facts, verdict):
    found = sk.verify(crossed(*facts)).checks["diffusion_psd"]
    assert found.verdict == verdict
    if verdict == "refuted":
        value = Fraction(found.witness.point["m"])
        assert abs(value) > 1 and "sdekit_" not in str(found.witness)


def test_a_counterexample_is_found_inside_the_bounds():
    energy = k * x**2 / 2
    wrong = sk.Dynamics({x: -k * x}, {x: 2}, hamiltonian=energy, assume=[k > 3, k < 4])
    found = sk.verify(wrong).checks["stationarity"]
    assert found.verdict == "refuted" and 3 < Fraction(found.witness.point["k"]) < 4
