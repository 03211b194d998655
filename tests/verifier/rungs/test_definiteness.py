"""Symmetry and semidefiniteness of D, for every n and in components."""

from __future__ import annotations

from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.definiteness import check_psd
from sdekit.verifier.rungs.symmetry import check_symmetric
from tests.verifier.models import THETA, A, B, N, P, Q, R, T

NONE = sk.parameter("none", value=0)
AL, BE = sk.parameter("al"), sk.parameter("be")
W = sk.scalar("w", domain=(-1, 1))
M = sk.parameter("M", N, N, positive_definite=True)
S = sk.parameter("S", N, N, symmetric=True)
J = sk.parameter("J", N, N, antisymmetric=True)
G = sk.function("G", THETA, shape=(N, N), positive_definite=True)
v = sk.parameter("v", N)
vp = sk.parameter("v_plus", N, positive=True)
k = sk.dim("k")
F = sk.parameter("F", N, k)


def psd(diffusion, *variables, sizes=None):
    model = sk.Dynamics(drift={x: NONE * x for x in variables}, diffusion=diffusion)
    return check_psd(Problem(model, sizes))


SCALARS = [
    ("completed square", {Q: 1 + Q**2, (Q, R): Q, R: 1}, "proved"),
    ("rank one", {Q: A**2, (Q, R): A * B, R: B**2}, "proved"),
    ("rank one of either sign", {Q: AL**2, (Q, R): AL * BE, R: BE**2}, "proved"),
    ("1 + q + q^2", {Q: 1 + Q + Q**2}, "proved"),
    ("(q - 1)^2", {Q: Q**2 - 2 * Q + 1}, "proved"),
    ("q^4 - q^2 + 1", {Q: Q**4 - Q**2 + 1}, "proved"),
    ("exponentials", {Q: sk.exp(Q), R: sk.exp(-Q), (Q, R): 1}, "proved"),
    ("absolute value", {Q: sk.abs_(Q)}, "proved"),
    ("root of a real variable", {Q: sk.sqrt(Q)}, "undecided"),
    ("root of a square", {Q: sk.sqrt(1 + Q**2)}, "proved"),
    ("1 + cos", {Q: 1 + sk.cos(Q)}, "proved"),
    ("1 - w^2 on (-1, 1)", {W: 1 - W**2}, "proved"),
    ("three by three", {Q: 1 + Q**2, R: 1 + R**2, T: Q**2 + R**2, (Q, R): Q * R, (Q, T): Q,
                        (R, T): R}, "proved"),
    ("zero", {}, "proved"),
    ("[[a, 2a], [2a, a]]", {Q: A, (Q, R): 2 * A, R: A}, "refuted"),
    ("difference", {Q: A - B}, "refuted"),
    ("1 - q^2", {Q: 1 - Q**2}, "refuted"),
    ("off the diagonal only", {(Q, R): 1}, "refuted"),
    ("nothing below an entry", {(Q, R): Q, R: 1}, "refuted"),
    ("negative friction", {Q: -A}, "refuted"),
    ("too large a correlation", {Q: sk.exp(Q), R: sk.exp(-Q), (Q, R): 2}, "refuted"),
    ("parameter of either sign", {Q: AL}, "refuted"),
    ("1 - 2 w^2 on (-1, 1)", {W: 1 - 2 * W**2}, "refuted"),
    ("unknown function", {Q: sk.function("f", Q)}, "refuted"),
    ("unknown positive function", {Q: sk.function("f", Q, positive=True)}, "proved"),
    # Motzkin's polynomial is nonnegative and no sum of squares.
    ("Motzkin", {Q: Q**4 * R**2 + Q**2 * R**4 - 3 * Q**2 * R**2 + 1}, "undecided"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("diffusion", "verdict"), [c[1:] for c in SCALARS], ids=[c[0] for c in SCALARS]
)
def test_scalar_diffusions_are_judged_by_pivots(diffusion, verdict):
    found = psd(diffusion, Q, R, T, W)
    assert found.verdict.value == verdict, found.reason


BLOCKS = [
    ("positive multiple", {P: A * sk.eye(N)}, "proved"),
    ("definite parameter", {P: M}, "proved"),
    ("definite function and its inverse", {P: G, THETA: sk.inv(G)}, "proved"),
    ("with an antisymmetric part", {P: M + J}, "proved"),
    ("Gram", {P: F @ F.T}, "proved"),
    ("square of a symmetric matrix", {P: S @ S}, "proved"),
    ("outer product", {P: sk.outer(v, v)}, "proved"),
    ("positive diagonal", {P: sk.diag(vp)}, "proved"),
    ("squares on the diagonal", {P: sk.diag(P**2)}, "proved"),
    ("matched noise that cancels", {P: (A - B) * sk.eye(N) + B * sk.eye(N)}, "proved"),
    ("Schur product", {P: M * sk.outer(v, v)}, "proved"),
    ("Gram of two blocks", {P: F @ F.T, THETA: F @ F.T, (P, THETA): F @ F.T}, "proved"),
    ("outer products of two blocks",
     {P: sk.outer(v, v), (P, THETA): sk.outer(v, vp), THETA: sk.outer(vp, vp)}, "proved"),
    ("two multiples of the identity",
     {P: A * sk.eye(N), THETA: A * sk.eye(N), (P, THETA): A / 2 * sk.eye(N)}, "proved"),
    ("Schur complement", {P: M, (P, THETA): M, THETA: M + sk.outer(v, v)}, "proved"),
    ("symmetric parameter", {P: S}, "refuted"),
    ("antisymmetric minus", {P: J - M}, "refuted"),
    ("difference of definite ones", {P: M - sk.eye(N)}, "refuted"),
    ("diagonal of either sign", {P: sk.diag(v)}, "refuted"),
    ("unmatched noise", {P: (A - B) * sk.eye(N)}, "refuted"),
    ("too large a coupling of blocks",
     {P: A * sk.eye(N), THETA: A * sk.eye(N), (P, THETA): 2 * A * sk.eye(N)}, "refuted"),
    ("Schur complement below zero", {P: M, (P, THETA): M, THETA: M - sk.outer(v, v)}, "refuted"),
    ("product of two symmetric matrices", {P: M @ S}, "refuted"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("diffusion", "verdict"), [c[1:] for c in BLOCKS], ids=[c[0] for c in BLOCKS]
)
def test_blocks_are_judged_for_every_n(diffusion, verdict):
    found = psd(diffusion, THETA, P)
    assert found.verdict.value == verdict, found.reason


def test_the_direction_of_a_refutation_gives_the_negative_value():
    found = psd({Q: A, (Q, R): 2 * A, R: A}, Q, R)
    level = Fraction(found.witness.point["A"])
    q, r = (Fraction(found.witness.direction.get(name, "0")) for name in ("q", "r"))
    assert level > 0
    assert Fraction(found.witness.value) == level * (q * q + 4 * q * r + r * r) < 0


def test_a_declared_noise_factor_is_semidefinite_by_construction():
    model = sk.Dynamics(drift={P: -P}, noise={P: F})
    assert check_psd(Problem(model)).is_proved
    assert check_symmetric(Problem(model)).is_proved


def symmetric(diffusion, *variables):
    model = sk.Dynamics(drift={x: NONE * x for x in variables}, diffusion=diffusion)
    return check_symmetric(Problem(model))


def test_blocks_given_once_are_mirrored():
    assert symmetric({Q: 1, R: 1, (Q, R): AL}, Q, R).is_proved
    assert symmetric({(P, THETA): J}, THETA, P).is_proved


def test_blocks_given_twice_and_unequal_are_refuted():
    found = symmetric({(Q, R): AL, (R, Q): BE}, Q, R)
    assert found.is_refuted
    assert found.witness.value not in ("", "0")
    assert symmetric({(Q, R): AL, (R, Q): AL}, Q, R).is_proved
    assert symmetric({(P, THETA): M @ S, (THETA, P): S @ M}, THETA, P).is_proved
    assert symmetric({(P, THETA): M @ S, (THETA, P): M @ S}, THETA, P).is_refuted


def test_an_asymmetric_diagonal_block_is_refuted():
    assert symmetric({P: M @ S}, P).is_refuted
    assert symmetric({P: M + J}, P).is_refuted
    assert symmetric({P: M @ S @ M}, P).is_proved


STATE, LEVEL = sk.scalar("state"), sk.scalar("level", domain="positive")
FRACTION = sk.scalar("fraction", domain=(0, 1))


def noisy(sigma, x):
    dynamics = sk.Dynamics(drift={x: -x}, noise={x: sigma}, hamiltonian=x**2)
    return check_psd(Problem(dynamics.ito()))


@pytest.mark.parametrize(
    ("sigma", "x"),
    [
        (sk.sqrt(-sk.pi), STATE),
        (sk.sqrt(STATE), STATE),
        (sk.sqrt(STATE**2 - 1), STATE),
        (sk.sqrt(sk.cos(STATE)), STATE),
        (sk.sqrt(sk.parameter("c")), STATE),
        (sk.sqrt(FRACTION - FRACTION**2 - 1), FRACTION),
    ],
)
def test_a_noise_factor_that_is_not_real_is_no_gram_matrix(sigma, x):
    found = noisy(sigma, x)
    assert found.is_refuted
    assert found.witness.direction


@pytest.mark.parametrize(
    ("sigma", "x"),
    [
        (sk.sqrt(LEVEL), LEVEL),
        (sk.sqrt(1 + STATE**2), STATE),
        (sk.sqrt(FRACTION * (1 - FRACTION)), FRACTION),
        (sk.sqrt(STATE**2 - STATE + 1), STATE),
        (sk.log(2 + STATE**2), STATE),
    ],
)
def test_a_real_noise_factor_gives_a_gram_matrix(sigma, x):
    assert noisy(sigma, x).is_proved


def test_a_root_off_the_diagonal_has_to_be_real_as_well():
    other = sk.scalar("other")
    blocks = {STATE: 1, other: 1 + STATE**2, (STATE, other): sk.sqrt(STATE)}
    energy = STATE**2 + other**2
    d = sk.Dynamics(drift={STATE: -STATE, other: -other}, diffusion=blocks, hamiltonian=energy)
    assert not check_psd(Problem(d)).is_proved
    swapped = {LEVEL: 1, other: 1 + LEVEL**2, (LEVEL, other): sk.sqrt(LEVEL)}
    d = sk.Dynamics(drift={LEVEL: -LEVEL, other: -other}, diffusion=swapped, hamiltonian=LEVEL)
    assert check_psd(Problem(d)).is_proved


ONES = sk.ones(N)
K = sk.parameter("K", N, N, positive_semidefinite=True)
AT_REST = sk.eye(N) - sk.outer(ONES, ONES) / sk.dot(ONES, ONES)


@pytest.mark.parametrize(
    "block",
    [
        A * AT_REST,
        sk.eye(N) - sk.outer(ONES, ONES) / N,
        sk.dot(P, P) * sk.eye(N) - sk.outer(P, P),
        sk.trace(K) * sk.eye(N) - K,
    ],
    ids=str,
)
def test_projectors_and_their_like_are_semidefinite_for_every_n(block):
    assert psd({P: block}, P).is_proved


@pytest.mark.parametrize(
    "block",
    [
        sk.eye(N) - sk.outer(ONES, ONES),
        sk.eye(N) - 2 * sk.outer(ONES, ONES) / N,
        sk.dot(P, P) * sk.eye(N) - 2 * sk.outer(P, P),
        sk.eye(N) - sk.outer(P, P),
        sk.eye(N) - K,
        -A * AT_REST,
    ],
    ids=str,
)
def test_what_exceeds_its_trace_is_not(block):
    """Twin."""
    assert not psd({P: block}, P).is_proved


def test_opposite_kicks_along_a_distance_are_semidefinite_and_equal_ones_of_half_size_are_not():
    n = sk.dim("n")
    q, r, p, s = (sk.vector(name, n) for name in "qrps")
    w = sk.function("w", q)
    along = w(q - r) ** 2 * sk.outer(q - r, q - r)

    def kicks(cross, size=None):
        energy = sk.dot(p, p) / 2 + sk.dot(s, s) / 2
        noise = {p: along, s: along, (p, s): cross * along}
        drift = {q: p, r: s, p: -p, s: -s}
        model = sk.Dynamics(drift, noise, hamiltonian=energy)
        return check_psd(Problem(model, size and {"n": size}))

    assert kicks(-1).is_proved and kicks(Fraction(1, 2)).is_proved
    assert not kicks(-2, 1).is_proved and not kicks(sk.parameter("a"), 1).is_proved


def test_a_coupling_that_decays_with_the_distance_is_below_its_value_at_zero():
    x, y = sk.scalar("x"), sk.scalar("y")
    a = sk.parameter("a")
    coupling = sk.exp(-((x - y) ** 2) / 2)

    def pair(c, *facts):
        noise = {x: 1, y: 1, (x, y): c * coupling}
        drift = {x: -x, y: -y}
        energy = (x**2 + y**2) / 2
        model = sk.Dynamics(drift, noise, hamiltonian=energy, assume=facts)
        return sk.verify(model).checks["diffusion_psd"].verdict

    assert pair(1) == pair(-1) == pair(a, a < 1, a > -1) == "proved"
    assert pair(2) == "refuted"
