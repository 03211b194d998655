"""Attempts to get an unsound proof, a false refutation or an exception out of the verifier."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.errors import SdekitError
from sdekit.verifier.ladder import check_within
from sdekit.verifier.question import Problem
from sdekit.verifier.rung_table import RUNGS
from sdekit.verifier.rungs.marginalization import check_marginalization
from sdekit.verifier.verdict import Verdict
from tests.calculus.expansion.expressions_at_random import (
    A,
    N,
    P,
    W,
    X,
    Y,
    random_matrix,
    random_scalar,
    random_vector,
)
from tests.verifier.models import Q, R, T, V, claimed

TAU = sk.scalar("tau", domain="positive")
PHI = sk.scalar("phi", domain="circle")

SHAPES = [
    lambda x: x**2,
    lambda x: x**4,
    lambda x: 3 * sk.abs_(x),
    lambda x: 2 * sk.log(1 + x**2),
    lambda x: sk.sqrt(1 + x**2),
    lambda x: sk.log(sk.cosh(x)),
    lambda x: sk.exp(x) - 2 * x,
    lambda x: x**4 - x**2,
    lambda x: sk.cosh(x),
    lambda x: sk.tanh(x) + x**2,
]
CENTRES = [0 * T, T, T**2 / 2, sk.sin(T)]
SCALES = [1 + T**2, sk.exp(T), sk.exp(-T / 2), 2 + sk.cos(T), sk.cosh(T)]


@pytest.mark.parametrize("number", range(len(SHAPES)))
@pytest.mark.parametrize("power", [0, 1, 2])
def test_only_the_right_power_of_a_scale_is_proved(number, power):
    """exp(-f((q - m)/s)) has mass s, so that log s has to stand in H exactly once."""
    rng = random.Random(100 * number + power)
    for _ in range(2):
        m, s = rng.choice(CENTRES), rng.choice(SCALES)
        energy = V + SHAPES[number]((Q - m) / s) + power * sk.log(s)
        found = check_marginalization(Problem(claimed(energy, Q)))
        wrong = Verdict.REFUTED if power == 1 else Verdict.PROVED
        assert found.verdict is not wrong, (energy, found.reason)


@pytest.mark.parametrize("power", [Fraction(1), Fraction(2), Fraction(1, 2)])
def test_only_the_right_power_of_a_rate_is_proved(power):
    """tau^(k-1) exp(-r tau) has mass r^-k: k log r has to leave H."""
    k, r = Fraction(3), sk.function("r", T, positive=True)
    energy = V + r * TAU - (k - 1) * sk.log(TAU) - power * k * sk.log(r)
    found = check_marginalization(Problem(claimed(energy, TAU)))
    assert found.verdict is (Verdict.PROVED if power == 1 else Verdict.REFUTED)


TRAPS = [
    # A mass that is infinite on a null set of theta only is no refutation, nor is it one here.
    ("mass that blows up at one theta", V + T**2 * Q**2 / 2 - sk.log(T**2) / 2, (Q,), "proved"),
    # The two scales cancel only together.
    ("scales that cancel", V + (1 + T**2) * Q**2 / 2 + R**2 / (2 * (1 + T**2)), (Q, R), "proved"),
    ("scales that do not", V + (1 + T**2) * Q**2 / 2 + R**2 / (2 + 2 * T**4), (Q, R), "refuted"),
    # sqrt(q^2) is |q|, not q.
    ("root of a square", V + sk.sqrt(Q**2) + Q**2, (Q,), "proved"),
    # A quadratic form of a sum of squares minus the same: nothing is left of q.
    ("hidden zero", V + (Q + R) ** 2 - Q**2 - 2 * Q * R, (Q, R), "refuted"),
    # A rotation of a Gaussian is one.
    ("rotation by theta",
     V + (sk.cos(T) * Q - sk.sin(T) * R) ** 2 / 2 + (sk.sin(T) * Q + sk.cos(T) * R) ** 2,
     (Q, R), "not refuted"),
    # The coefficient vanishes for every t < 0, and for every t.
    ("coefficient that vanishes on a half-line", V + (T + sk.abs_(T)) ** 2 * Q**2 / 2, (Q,),
     "not proved"),
    ("coefficient that is zero", V + (T - T) ** 2 * Q**2 / 2, (Q,), "refuted"),
    ("shear by theta", V + (Q - T * R) ** 2 / 2 + R**2 / 2, (Q, R), "proved"),
    ("stretch by theta", V + (Q * sk.exp(T)) ** 2 / 2 + R**2 / 2, (Q, R), "refuted"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("energy", "auxiliary", "expected"), [c[1:] for c in TRAPS], ids=[c[0] for c in TRAPS]
)
def test_traps_of_the_marginal(energy, auxiliary, expected):
    found = check_marginalization(Problem(claimed(energy, *auxiliary))).verdict.value
    assert found == expected or (expected.startswith("not") and found != expected[4:]), found


def scalar_model(rng):
    """A random model of scalars on mixed domains, mostly nonsense."""
    variables = rng.sample([X, Y, W, TAU, PHI], rng.randint(1, 3))
    pieces = [f(v) for v in variables
              for f in (lambda v: v**2, lambda v: sk.log(1 + v**2), sk.cos, sk.log, sk.sqrt,
                        sk.exp, lambda v: 1 / v, lambda v: v**3 - v, sk.abs_)]  # fmt: skip
    energy = rng.choice(pieces) + rng.choice(pieces) * rng.choice([1, 2, A])
    drift = {
        v: -sk.grad(energy, v) if rng.random() < 0.5 else rng.choice(pieces) for v in variables
    }
    diffusion = {v: rng.choice(pieces) for v in variables if rng.random() < 0.6}
    return sk.Dynamics(
        drift=drift, diffusion=diffusion, hamiltonian=energy,
        target=variables[0] ** 2 / 2 if rng.random() < 0.4 else None,
    )  # fmt: skip


def tensor_model(rng):
    """A random model of blocks, mostly nonsense."""
    q = sk.vector("q", N)

    def pick(make, depth):
        while True:
            found = make(rng, depth)
            if not any(node in (Y, W) or getattr(node, "name", "") in ("tau", "Xi")
                       for node in found.walk()):  # fmt: skip
                return found

    energy = pick(random_scalar, 2) + sk.dot(P, P) / 2 + sk.dot(q, q) / 2 + X**2
    drift = {P: pick(random_vector, 2), q: -sk.grad(energy, q), X: pick(random_scalar, 2)}
    return sk.Dynamics(
        drift=drift, diffusion={P: pick(random_matrix, 1)}, hamiltonian=energy,
        target=sk.dot(q, q) / 2 if rng.random() < 0.6 else None,
    )  # fmt: skip


@pytest.mark.parametrize("make", [scalar_model, tensor_model])
def test_nonsense_gets_verdicts_and_no_exceptions(make):
    rng, judged = random.Random(7), 0
    for _ in range(25):
        try:
            problem = Problem(make(rng))
        except SdekitError:
            continue
        for rung in RUNGS[:5]:
            found = check_within(problem, rung.name, 2)
            assert found.reason
            assert (found.witness is not None) == (found.verdict is Verdict.REFUTED)
        judged += 1
    assert judged > 15


def test_deep_nesting_is_undecided():
    energy = Q**2
    for _ in range(400):
        energy = sk.tanh(energy)
    model = sk.Dynamics(drift={Q: -Q}, diffusion={Q: 1}, hamiltonian=energy + Q**2)
    verdicts = {Problem(model).check(rung.name).verdict for rung in RUNGS[:5]}
    assert verdicts <= set(Verdict)
