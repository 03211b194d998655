"""Mistakes that Python and NumPy invite are told with what to write instead."""

import numpy as np
import pytest
import sympy as sp

import sdekit as sk

n = sk.dim("n")
p, x, A = sk.vector("p", n), sk.scalar("x"), sk.parameter("A", positive=True)
U = sk.potential("U", p)
#: The mistake, and a part of the fix.
MISTAKES = {
    "a function of NumPy": (lambda: np.sin(x), "use sk.sin"),
    "a function of NumPy of a block": (lambda: np.exp(p), "use sk.exp"),
    "another name in NumPy": (lambda: np.arctan(x), "use sk.atan"),
    "a product of NumPy": (lambda: np.dot(p, p), "use sk.dot"),
    "a trace of NumPy": (lambda: np.trace(sk.matrix("M", n, n)), "use sk.trace"),
    "a power with ^": (lambda: x**2 + (x ^ 2), r"use \*\*"),
    "a number with ^": (lambda: 2 ^ x, r"use \*\*"),
    "a component": (lambda: p[0], "Dynamics.at"),
    "unpacking": (lambda: list(p), "Dynamics.at"),
    "a function of SymPy": (lambda: sp.sin(x), "use sk.sqrt"),
    "a number": (lambda: float(x), "sk.sqrt"),
    "a branch": (lambda: 1 if x > 0 else 2, "where"),
    "a truth value": (lambda: bool(x), "=="),
    "a float": (lambda: 0.5 * x, r"Fraction\(1, 2\)"),
    "a float of NumPy": (lambda: np.float64(0.5) * x, "exact numbers only"),
    "an array of data": (lambda: np.ones(3) * x, "symbolic parameters"),
    "a scalar beside a tensor": (lambda: p + 1, r"ones\(n\)"),
    "text as a key": (lambda: sk.Dynamics({"x": -x}), "without quotes"),
    "text as an energy": (lambda: sk.Dynamics({x: -x}, hamiltonian="x**2/2"), "sk.loads"),
    "a name to verify": (lambda: sk.verify("langevin"), "catalog.get"),
    "a verdict as a condition": (lambda: bool(sk.verify(sk.catalog.get("overdamped"))), "verdict"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_typical_mistake_gets_what_to_write_instead(mistake):
    do, fix = MISTAKES[mistake]
    with pytest.raises(sk.SdekitError, match=fix):
        do()


def test_arithmetic_with_exact_numbers_of_numpy_works_on_both_sides():
    """Twin: what is right stays right, and comparisons turn round with their sides."""
    assert np.int64(2) * x == 2 * x and x / np.int64(2) == x / 2
    assert np.negative(x) == -x and abs(x) == np.abs(x) == sk.abs_(x)
    assert repr(np.int64(1) < x) == repr(x > 1)


def test_exact_numbers_of_sympy_stand_on_both_sides():
    half = sp.Rational(1, 2)
    assert repr(half * x) == "1/2*x" and repr(x * half) == "x*(1/2)"
    assert repr(half * p) == "1/2*p" and repr(sp.sqrt(2) - x) == "sqrt(2) - x"
    assert repr(half / x) == "1/2/x" and repr(half < x) == repr(x > half)
