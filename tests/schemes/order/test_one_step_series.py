"""Power series of one-step operators: against the definition, and for steps with parts by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp

from sdekit.schemes.jet_ring.jets import JetRing, Polynomial
from sdekit.schemes.order.one_step_series import (
    Generator,
    Stage,
    adjoint_of_one,
    flow_symbol,
    plain,
    step_symbol,
    weighted,
)

q, p, xi = sp.symbols("q p xi")
a = sp.Symbol("a", positive=True)
U = sp.Function("U")(q)
U1 = sp.diff(U, q)
H = U + p**2 / 2 + (xi - a) ** 2 / 2
DUAL = ("k0", "k1", "k2")

#: The parts of mSGNHT with friction F and noise N apart: drift by coordinate, diffusion.
PARTS = {
    "A": ({0: p}, {}),
    "B": ({1: -U1}, {}),
    "F": ({1: -xi * p}, {}),
    "N": ({}, {(1, 1): a}),
    "D": ({2: p**2 - 1}, {}),
}


def _ring() -> JetRing:
    written = [e for drift, noise in PARTS.values() for e in (*drift.values(), *noise.values())]
    return JetRing((q, p, xi), [*written, *(sp.diff(H, x) for x in (q, p, xi))], 8, DUAL)


def _generator(ring: JetRing, letter: str) -> Generator:
    drift, noise = PARTS[letter]
    return Generator(
        ring,
        {i: ring.convert(v) for i, v in drift.items()},
        {key: ring.convert(v) for key, v in noise.items()},
    )


def _adjoints(letters: str) -> list[sp.Expr]:
    """A_0^dagger 1, A_1^dagger 1, A_2^dagger 1 of a step with equal shares."""
    ring = _ring()
    stages = [Stage(_generator(ring, x), Fraction(1, letters.count(x))) for x in letters]
    slopes = [ring.convert(sp.diff(H, x)) for x in (q, p, xi)]
    return [ring.to_sympy(term) for term in adjoint_of_one(ring, stages, 2, slopes)]


def test_a_published_thermostat_step_that_is_no_palindrome_has_order_one() -> None:
    """The public mSGNHT code: friction, kick, noise, friction, kick; the paper has a palindrome."""
    one, first, second = _adjoints("ADFBNFBDA")
    assert (one, first) == (1, 0)
    assert sp.expand(second + xi * p * U1 / 4) == 0
    # Twin: the order of letters that the paper prints.
    assert _adjoints("ADFBNBFDA")[1:] == [0, 0]


def _second_on(ring: JetRing, stages: list[Stage], f: Polynomial) -> Polynomial:
    """A_2 f: the generators applied to f itself, to all orders that two stages' powers have."""
    series, along = [f, ring.zero, ring.zero], plain(ring)
    for stage in reversed(stages):
        first = [stage.generator.apply(g, along) * ring.number(stage.share) for g in series]
        second = [stage.generator.apply(g, along) * ring.number(stage.share / 2) for g in first]
        series = [series[0], series[1] + first[0], series[2] + first[1] + second[0]]
    return series[2]


@pytest.mark.parametrize("f", [q**2, q * p, p**3, xi * p**2])
def test_a_series_on_a_function_is_that_of_its_symbol(f: sp.Expr) -> None:
    """A symbol, read as an operator on a polynomial, gives the same as the operator itself."""
    ring = _ring()
    stages = [Stage(_generator(ring, x), Fraction(1)) for x in "ABD"]
    symbol = ring.to_sympy(step_symbol(ring, stages, 2, DUAL)[2])
    direct = ring.to_sympy(_second_on(ring, stages, ring.convert(f)))
    duals = sp.symbols(" ".join(DUAL))
    total = sp.Integer(0)
    for exponents, coefficient in sp.Poly(symbol, *duals).terms():
        derivative = f
        for x, count in zip((q, p, xi), exponents, strict=True):
            derivative = sp.diff(derivative, x, count)
        total += coefficient * derivative
    assert sp.expand(total - direct) == 0


def test_the_adjoint_is_the_adjoint() -> None:
    """Integral of (L f) g exp(-H) over a Gaussian equals that of f (L^dagger g)."""
    ring = JetRing((p,), [p, a], 4)
    ou = Generator(ring, {0: ring.convert(-a * p)}, {(0, 0): ring.convert(a)})
    cubic = Generator(ring, {0: ring.convert(p**2)}, {(0, 0): ring.convert(1 + p)})
    along = weighted(ring, [ring.convert(p)])

    def mean(element: object) -> sp.Expr:
        polynomial = sp.Poly(ring.to_sympy(element), p)
        moments = [0 if k % 2 else sp.factorial2(k - 1) for k in range(20)]
        return sp.expand(sum(c * moments[k] for (k,), c in polynomial.terms()))

    for generator in (ou, cubic):
        for f, g in [(p**2, p), (p**3, p**2), (p, p**4)]:
            left = generator.apply(ring.convert(f), plain(ring)) * ring.convert(g)
            right = ring.convert(f) * generator.apply_adjoint(ring.convert(g), along)
            assert mean(left - right) == 0


def test_one_frozen_step_of_a_linear_drift_is_the_known_one() -> None:
    """Euler-Maruyama for dx = -a x dt: E f(x - h a x) has A_2 = a^2 x^2 d^2 / 2."""
    ring = JetRing((p,), [p, a], 4, ("k0",))
    generator = Generator(ring, {0: ring.convert(-a * p)}, {})
    frozen = step_symbol(ring, [Stage(generator, Fraction(1), frozen=True)], 2, ("k0",))
    exact = flow_symbol(ring, generator, 2, ("k0",))
    k = sp.Symbol("k0")
    assert sp.expand(ring.to_sympy(frozen[2]) - a**2 * p**2 * k**2 / 2) == 0
    assert sp.expand(ring.to_sympy(exact[2] - frozen[2]) - a**2 * p * k / 2) == 0


def test_leimkuhler_matthews_has_order_two_for_the_invariant_measure() -> None:
    r"""x' = x - h U'(x) + sqrt(h/2) (z_n + z_{n+1}): weak order 1, invariant-measure order 2.

    With x = y + eta, eta of variance h/2, the step of y is y + 2 eta - h U'(y + eta), whose symbol
    is $e^{(h/4)(\partial + 2\kappa)^2} e^{-h\kappa U'}$; the law of x is that of y after the heat
    kernel $e^{(h/4)\partial^2}$.
    """
    ring = JetRing((q,), [U1], 10, ("k",))
    k, force = ring.generator("k"), ring.convert(U1)

    def doubled(f: object) -> object:
        slope = ring.derivative(f, 0) + 2 * k * f
        return ring.derivative(slope, 0) + 2 * k * slope

    series = [ring.one, -k * force, k * k * force * force * ring.number(Fraction(1, 2))]
    symbol = [ring.zero] * 3
    for power, f in enumerate(series):
        for j in range(3 - power):
            symbol[power + j] += f * ring.number(Fraction(1, [1, 4, 32][j]))
            f = doubled(f)
    brownian = Generator(ring, {0: -force}, {(0, 0): ring.one})
    exact = flow_symbol(ring, brownian, 2, ("k",))
    assert symbol[1] == exact[1]
    assert symbol[2] != exact[2]
    along = weighted(ring, [force])
    second = _adjoint_of_symbol(ring, symbol[2], along)
    heat = Generator(ring, {}, {(0, 0): ring.one}).apply_adjoint(ring.one, along)
    quarter = ring.number(Fraction(1, 4))
    assert second - brownian.apply_adjoint(heat, along) * quarter == 0
    # Twin: without the heat kernel the law of y is off to first order.
    assert second != 0


def _adjoint_of_symbol(ring: JetRing, symbol: object, along: list) -> object:
    """The adjoint of a normal-ordered operator applied to 1: (-1)^m (d - U')^m c_m."""
    total = ring.zero
    for power, coefficient in ring.by_power(symbol, ring.position("k")).items():
        f = coefficient
        for _ in range(power):
            f = -along[0](f)
        total += f
    return total
