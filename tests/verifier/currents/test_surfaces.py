"""Jumps across surfaces, and point sources: each with a twin that carries nothing."""

import pytest

import sdekit as sk
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.regularity import check_regularity

n = sk.dim("n")
x, y = sk.scalar("x"), sk.scalar("y")
r, w = sk.scalar("r", domain="positive"), sk.scalar("w", domain=(0, 1))
t = sk.vector("t", n)
a, b = sk.parameter("a"), sk.parameter("b", positive=True)
square, plane = sk.dot(t, t), (x**2 + y**2) / 2


def step(g):
    return sk.abs_(g) / g


def ou(jump):
    """OU with a law that jumps where the drift knows nothing of it."""
    return sk.Dynamics({x: -x, y: -y}, {x: 1, y: 1}, hamiltonian=plane + jump)


def source(z, profile, energy):
    return sk.Dynamics({z: profile * sk.exp(energy)}, hamiltonian=energy)


offset = (x - a) ** 2 + (y - b) ** 2
#: What is made or lost on a surface, at a point or in the middle of a domain.
LEAKS = {
    "sign of x": ou(sk.sign(x)),
    "|x|/x": ou(step(x)),
    "x/sqrt(x^2)": ou(x / sk.sqrt(x**2)),
    "off the origin, with a parameter": ou(step(x - a) / 2),
    "on a slanted line": ou(b * sk.sign(x + 2 * y - 1)),
    "on a circle": ou(sk.sign(x**2 + y**2 - 1)),
    "on a parabola": ou(sk.sign(y - x**2)),
    "where exp(x) = 1": ou(sk.sign(sk.exp(x) - 1)),
    "the square of a shifted sign": ou((2 + sk.sign(x - 1)) ** 2),
    "D jumps": sk.Dynamics(
        {x: -x * (2 + sk.sign(x - y)), y: -y}, {x: 2 + sk.sign(x - y), y: 1}, hamiltonian=plane
    ),
    "a source on the half-line": source(r, sk.sign(r - 1), r),
    "in the middle of an interval": source(w, 1 + sk.sign(3 * w - 1), 0 * w),
    "a hyperplane for all n": sk.Dynamics(
        {t: -t}, {t: 1}, hamiltonian=square / 2 + step(sk.dot(sk.ones(n), t) - 2)
    ),
    "a shell for all n": source(t, t * square ** (-n / 2) * sk.sign(square - 4), square / 2),
    "a point source for all n": source(t, t * square ** (-n / 2), square / 2),
    "a point source off the origin": sk.Dynamics(
        {x: (x - a) / offset * sk.exp(plane), y: (y - b) / offset * sk.exp(plane)},
        hamiltonian=plane,
    ),
    "a pole of the line off the origin": sk.Dynamics(
        {x: step(x - 1) * sk.exp(x**2 / 2)}, hamiltonian=x**2 / 2
    ),
}  # fmt: skip
#: The same shapes, through which nothing flows, or that are too little known.
TIGHT = {
    "a kink": sk.Dynamics({x: -x - sk.sign(x), y: -y}, {x: 1, y: 1},
                          hamiltonian=plane + sk.abs_(x)),
    "the current runs along the jump": sk.Dynamics(
        {x: 0, y: sk.sign(x) * sk.exp(plane)}, hamiltonian=plane
    ),
    "a vortex": sk.Dynamics(
        {x: -y / (2 * plane), y: x / (2 * plane)}, hamiltonian=plane
    ),
    "a kink on a circle": sk.Dynamics(
        {x: -2 * x * sk.sign(x**2 + y**2 - 1), y: -2 * y * sk.sign(x**2 + y**2 - 1)},
        {x: 1, y: 1}, hamiltonian=sk.abs_(x**2 + y**2 - 1),
    ),
    "the density vanishes where the velocity jumps": sk.Dynamics(
        {x: sk.sign(x) * y, y: 2 / sk.abs_(x) - sk.abs_(x)},
        hamiltonian=plane - sk.log(x**2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEAKS)
def test_what_leaks_is_refuted(name):
    assert check_regularity(Problem(LEAKS[name].ito())).is_refuted
    assert sk.verify(LEAKS[name]).verdict.value == "refuted"


@pytest.mark.parametrize("name", TIGHT)
def test_what_is_tight_is_not(name):
    """Twin: no flux, so that a refutation would be false."""
    assert not check_regularity(Problem(TIGHT[name].ito())).is_refuted
