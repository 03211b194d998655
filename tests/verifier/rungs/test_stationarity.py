"""Stationarity: the terms left over, an exact witness, and scopes that differ in n."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp

import sdekit as sk
from sdekit.verifier.ladder import verify
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.stationarity import check_stationarity
from tests.verifier.models import KINETIC, MU, THETA, XI, A, B, N, P, Q, R, T, U, V, sgnht


def stationarity(model, n=None):
    return verify(model, n).checks["stationarity"]


def test_the_thermostat_is_proved_for_every_n_and_at_each():
    assert stationarity(sgnht()).is_proved
    assert stationarity(sgnht(), 3).is_proved


WRONG = [
    ("friction of the wrong sign", {"drift": {THETA: P, P: -sk.grad(U, THETA) + XI * P,
                                              XI: (sk.dot(P, P) - N) / MU}}),
    ("thermostat compared with 1", {"drift": {THETA: P, P: -sk.grad(U, THETA) - XI * P,
                                              XI: (sk.dot(P, P) - 1) / MU}}),
    ("centred at zero", {"hamiltonian": U + KINETIC + MU * XI**2 / 2}),
    ("noise twice as large", {"diffusion": {P: 2 * A * sk.eye(N)}}),
    ("noise of another level", {"diffusion": {P: (A + B) * sk.eye(N)}}),
    ("mass of the thermostat off by two", {"hamiltonian": U + KINETIC + MU * (XI - A) ** 2}),
    ("force doubled", {"drift": {THETA: P, P: -2 * sk.grad(U, THETA) - XI * P,
                                 XI: (sk.dot(P, P) - N) / MU}}),
]  # fmt: skip


@pytest.mark.parametrize("changes", [c[1] for c in WRONG], ids=[c[0] for c in WRONG])
def test_a_slip_is_refuted_with_what_is_left_over(changes):
    found = stationarity(sgnht(**changes))
    assert found.is_refuted
    assert found.residual
    assert found.witness.dimensions["n"] >= 1
    assert Fraction(found.witness.value) != 0


def test_the_witness_has_the_value_that_sympy_computes_there():
    model = sgnht(diffusion={P: (A + B) * sk.eye(N)})
    witness = stationarity(model).witness
    at = model.at(**witness.dimensions)
    coordinates, energy = at.coordinates, at.hamiltonian
    density = sp.exp(-energy)
    flow = sum((density * v).diff(x) for v, x in zip(at.drift, coordinates, strict=True))
    spread = sum(
        (density * entry).diff(coordinates[i], coordinates[j])
        for (i, j), entry in at.diffusion.items()
    )
    residual = sp.expand(sp.simplify((flow - spread) / density))
    calls = dict.fromkeys(residual.atoms(sp.Function), 0)
    point = {s: sp.Rational(witness.point[str(s)]) for s in residual.free_symbols
             if str(s) in witness.point}  # fmt: skip
    assert residual.doit().subs(calls).doit().subs(point) == sp.Rational(witness.value)


def test_what_holds_at_n_1_only_is_refuted_beyond_it_and_proved_there():
    slip = sgnht(drift={THETA: P, P: -sk.grad(U, THETA) - XI * P, XI: (sk.dot(P, P) - 1) / MU})
    found = stationarity(slip)
    assert found.witness.dimensions == {"n": 2}
    assert "n = 1" in found.reason
    assert stationarity(slip, 1).is_proved
    assert stationarity(slip, 2).is_refuted


def test_a_kernel_outside_the_index_calculus_is_decided_in_components():
    energy = sk.log(sk.cosh(Q)) + sk.erf(Q) ** 2
    right = sk.Dynamics(drift={Q: -sk.grad(energy, Q)}, diffusion={Q: 1}, hamiltonian=energy)
    wrong = sk.Dynamics(drift={Q: -sk.grad(energy, Q)}, diffusion={Q: 2}, hamiltonian=energy)
    assert check_stationarity(Problem(right)).is_proved
    assert check_stationarity(Problem(wrong)).is_refuted


def test_a_stratonovich_declaration_is_judged_as_its_ito_form():
    # dq = q o dW is dq = q/2 dt + q dW: a law would be exp(-H) with rho q^2 constant.
    drift = {Q: -(Q**3)}
    noise = {Q: sk.sqrt(sk.parameter("two", value=2)) * Q}
    ito = sk.Dynamics(drift={Q: Q - Q**3}, noise=noise, hamiltonian=Q**2 / 2 + sk.log(Q**2) / 2)
    same = sk.Dynamics(
        drift=drift, noise=noise, interpretation="stratonovich",
        hamiltonian=Q**2 / 2 + sk.log(Q**2) / 2,
    )  # fmt: skip
    assert stationarity(ito).verdict is stationarity(same).verdict


def test_a_law_that_depends_on_time_is_not_claimed():
    moving = sk.Dynamics(drift={Q: -Q * sk.time}, diffusion={Q: sk.time}, hamiltonian=Q**2 / 2)
    assert "stationarity" not in verify(moving).checks


def test_plain_components_are_decided_exactly():
    energy = V + Q**2 / 2 + R**2 / 2
    drift = {T: Q, Q: -sk.grad(V, T) + 2 * R, R: -2 * Q - R}
    assert check_stationarity(
        Problem(sk.Dynamics(drift=drift, diffusion={R: 1}, hamiltonian=energy, target=V))
    ).is_proved
    drift[R] = 2 * Q - R
    found = check_stationarity(
        Problem(sk.Dynamics(drift=drift, diffusion={R: 1}, hamiltonian=energy, target=V))
    )
    assert found.is_refuted
    assert found.witness.dimensions == {}


def test_a_proof_for_all_n_lists_where_the_coefficients_are_defined():
    n, b = sk.dim("n"), sk.parameter("b")
    p = sk.vector("p", n)
    free = sk.Dynamics({p: -p / b}, {p: sk.eye(n)}, hamiltonian=sk.dot(p, p) / (2 * b))
    assert sk.verify(free).checks["stationarity"].side_conditions == ("b != 0",)
    A = sk.parameter("A", positive=True)
    bound = sk.Dynamics({p: -p / A}, {p: sk.eye(n)}, hamiltonian=sk.dot(p, p) / (2 * A))
    assert sk.verify(bound).checks["stationarity"].side_conditions == ()


def test_a_density_that_may_jump_is_not_called_stationary():
    """The law of dX = -X dt + noise is Gaussian, whatever the residual says off the sphere."""
    shell = sk.dot(THETA, THETA) / 2 + sk.sign(sk.dot(THETA, THETA) - 1)
    model = sk.Dynamics({THETA: -THETA}, {THETA: 1}, hamiltonian=shell)
    assert check_stationarity(Problem(model)).verdict.value == "undecided"
