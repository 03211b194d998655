"""Noise that is linear in the state: where matrices commute it is one exact letter."""

import pytest

import sdekit as sk
from sdekit.schemes.split.flow_records import CommutingNoise, GeometricBrownian
from tests.schemes.split.flows import assert_solved, assert_sum

n, m = sk.dim("n"), sk.dim("m")
V, R, S = sk.vector("v", n), sk.parameter("r", n), sk.parameter("s", n)
L, A = sk.parameter("L", n, m), sk.parameter("A", n, n)
C = sk.parameter("C", n, n, symmetric=True)
X, Y, Z = sk.scalar("x"), sk.scalar("y"), sk.scalar("z")
a, b, k, w, g = (sk.parameter(name) for name in "a b k w g".split())
q = sk.parameter("q", positive=True)

TURNED = {X: -k * X + w * Y, Y: -w * X - k * Y}
GEOMETRIC = {
    "rates by component": sk.Dynamics({V: R * V}, noise={V: sk.diag(S * V)}),
    "one rate, entrywise D": sk.Dynamics({V: a * V}, diffusion={V: sk.diag(S**2 * V**2) / 2}),
    "correlated": sk.Dynamics({V: R * V}, noise={V: sk.diag(V) @ L}),
    "correlated by D": sk.Dynamics({V: -V}, diffusion={V: C * sk.outer(V, V)}),
    "stratonovich": sk.Dynamics(
        {V: R * V}, noise={V: sk.diag(a * S * V) @ L}, interpretation="stratonovich"
    ),
    "no drift": sk.Dynamics({V: 0}, noise={V: sk.diag(V) @ L}),
    "two numbers": sk.Dynamics(
        {X: a * X, Y: b * Y},
        {X: a**2 * X**2 / 2, Y: b**2 * Y**2 / 2, (X, Y): a * b * g * X * Y / 2},
    ),
    "rows": sk.Dynamics({X: a * X, Y: 0}, noise={X: [a * X, b * X], Y: [k * Y, w * Y]}),
}  # fmt: skip
COMMUTING = {
    "a turn": sk.Dynamics(TURNED, noise={X: [a * Y], Y: [-a * X]}),
    "a turn without drift": sk.Dynamics({X: 0, Y: 0}, noise={X: [-a * Y], Y: [a * X]}),
    "size and turn": sk.Dynamics(TURNED, noise={X: [a * X, b * Y], Y: [a * Y, -b * X]}),
    "size and turn by D": sk.Dynamics(
        {X: k * X, Y: k * Y},
        {X: a**2 * X**2 + b**2 * Y**2, Y: a**2 * Y**2 + b**2 * X**2, (X, Y): (a**2 - b**2) * X * Y},
    ),
    "a shear": sk.Dynamics({X: k * X + Y, Y: k * Y}, noise={X: [a * Y, b * X], Y: [0, b * Y]}),
    "three numbers": sk.Dynamics(
        {X: k * Y, Y: k * Z, Z: k * X}, noise={X: [q * Y], Y: [q * Z], Z: [q * X]}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*GEOMETRIC, *COMMUTING])
def test_linear_noise_whose_matrices_commute_is_one_exact_letter(name):
    found = sk.splitting({**GEOMETRIC, **COMMUTING}[name])
    kind = GeometricBrownian if name in GEOMETRIC else CommutingNoise
    assert found.default_word == "G" and isinstance(found.part("G").flow, kind)
    assert found.proof.holds
    assert_sum(found)
    assert_solved(found, found.part("G"))


@pytest.mark.parametrize(
    "dynamics",
    [
        sk.Dynamics(TURNED, noise={X: [a * X, 0], Y: [0, b * Y]}),
        sk.Dynamics({X: w * Y, Y: -2 * w * X}, noise={X: [a * Y], Y: [-a * X]}),
        sk.Dynamics(TURNED, noise={X: [a * Y + 1], Y: [-a * X]}),
        sk.Dynamics({**TURNED, X: 1 + Y}, noise={X: [a * Y], Y: [-a * X]}),
        sk.Dynamics({V: A @ V}, noise={V: sk.diag(V) @ L}),
        sk.Dynamics({V: sk.ones(n) - V}, noise={V: sk.diag(V) @ L}),
        sk.Dynamics({V: V * (R - A @ V)}, noise={V: sk.diag(V) @ L}),
        sk.Dynamics({V: V}, noise={V: sk.diag(A @ V)}),
        sk.Dynamics({V: V}, noise={V: sk.diag(V) @ A @ sk.diag(V)}),
        sk.Dynamics({X: X * (1 - Y), Y: Y * (X - 1)}, noise={X: [X, 0], Y: [Y, Y]}),
    ],
)
def test_other_linear_noise_is_told_to_have_no_exact_flow(dynamics):
    """Twin: matrices that do not commute, or noise that is not linear."""
    found = sk.splitting(dynamics)
    assert found.default_word == "EM"
    assert any("no exact flow" in note for note in found.notes)


def test_one_motion_for_all_entries_commutes_with_every_linear_drift():
    model = sk.Dynamics({V: A @ V}, diffusion={V: a**2 / 2 * sk.outer(V, V)})
    found = sk.splitting(model)
    flow = found.part("G").flow
    assert all(part.exact for part in found.parts)
    assert isinstance(flow, GeometricBrownian) and flow.is_common
    assert_sum(found)
    assert_solved(found, found.part("G"))


def test_numbers_with_motions_of_their_own_are_one_letter_where_none_reads_another():
    own = {X: a * X, Y: b * Y}
    assert sk.splitting(sk.Dynamics({X: k * X, Y: w * Y}, noise=own)).default_word == "G"
    prey = sk.splitting(sk.Dynamics({X: X * (1 - Y), Y: Y * (X - 1)}, noise=own))
    assert len(prey.parts) == 2 and all(part.exact for part in prey.parts)


def test_order_knows_the_exact_law():
    assert sk.order(GEOMETRIC["correlated"]).is_exact
    assert sk.order(COMMUTING["a turn"]).is_exact
    assert not sk.order(COMMUTING["a turn"], "EM").is_exact
