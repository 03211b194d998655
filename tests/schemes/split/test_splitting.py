"""Splittings derived from the triple: parts, letters, words, proof."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SchemeError
from sdekit.schemes.split.flow_records import (
    Inexact,
    Joint,
    LinearBlock,
    OrnsteinUhlenbeck,
    Rotation,
    Shift,
)
from sdekit.schemes.split.split_proof import prove_sum
from sdekit.schemes.split.splitting import splitting
from tests.schemes.models import (
    A,
    U,
    W,
    kinetic,
    langevin,
    mu,
    n,
    overdamped,
    p,
    s,
    sgnht,
    theta,
    two_forces,
    two_particles,
    xi,
)

matrix = sk.parameter("C", n, n, positive_definite=True)


def _part(dynamics: Dynamics, letter: str) -> object:
    return splitting(dynamics).part(letter).flow


def test_langevin_splits_into_drift_kick_and_friction_with_noise() -> None:
    found = splitting(langevin())
    assert found.letters == ("A", "B", "O")
    assert found.default_word == "BAOAB"
    assert found.part("A").flow == Shift(((theta, p),))
    assert found.part("B").flow == Shift(((p, -sk.grad(U, theta)),))
    flow = found.part("O").flow
    assert isinstance(flow, OrnsteinUhlenbeck)
    assert (flow.friction.scalar, flow.diffusion.scalar, flow.force) == (A, A, None)
    assert flow.friction.is_scalar
    assert found.part("B").functions == ("U",)
    assert found.part("B").reads == (theta,)


def test_the_thermostat_splits_with_frozen_friction() -> None:
    found = splitting(sgnht())
    assert found.default_word == "BADODAB"
    flow = found.part("O").flow
    assert isinstance(flow, OrnsteinUhlenbeck)
    assert flow.friction.scalar == xi
    assert found.part("O").reads == (xi,)
    assert found.part("D").kind == "thermostat drift"
    assert found.part("D").flow == Shift(((xi, (sk.dot(p, p) - n) / mu),))


def test_brownian_dynamics_is_one_inexact_part() -> None:
    found = splitting(overdamped())
    assert (found.letters, found.default_word) == (("S",), "EM")
    flow = found.part("S").flow
    assert isinstance(flow, Inexact)
    assert (flow.method, flow.order) == ("strang", 2)
    assert not found.part("S").exact


def test_an_inexact_friction_is_cut_into_sub_steps_and_says_so() -> None:
    found = splitting(sk.catalog.get("langevin-kinetic"))
    assert "O  remainder, sub-integrator strang of order 2 in 8 sub-steps" in str(found)
    # Twin: a remainder that evaluates the potential is not.
    assert "sub-steps" not in str(splitting(overdamped()))


def test_momenta_and_memory_that_drive_each_other_are_one_linear_block() -> None:
    lam, alpha = sk.parameter("lam"), sk.parameter("alpha", positive=True)
    gle = Dynamics(
        drift={theta: p, p: -sk.grad(U, theta) + lam * s, s: -lam * p - alpha * s},
        diffusion={s: alpha},
        hamiltonian=U + kinetic + sk.dot(s, s) / 2,
        target=U,
    )
    found = splitting(gle)
    assert found.default_word == "BAOAB"
    flow = found.part("O").flow
    assert isinstance(flow, LinearBlock)
    entries = {(x.name, y.name): m.scalar for (x, y), m in flow.matrix}
    assert entries == {("p", "s"): lam, ("s", "p"): -lam, ("s", "s"): -alpha}
    assert [((x.name, y.name), m.scalar) for (x, y), m in flow.diffusion] == [(("s", "s"), alpha)]
    assert "jointly" in found.notes[0]


def test_an_antisymmetric_force_is_a_rotation() -> None:
    J = sk.function("J", theta, shape=(n, n), antisymmetric=True)
    magnetic = Dynamics(
        drift={theta: p, p: -sk.grad(U, theta) - A * p + J @ p},
        diffusion={p: A},
        hamiltonian=U + kinetic,
        target=U,
    )
    assert _part(magnetic, "R") == Rotation(p, J)
    assert splitting(magnetic).default_word == "BARORAB"


def test_friction_that_depends_on_the_position_is_frozen() -> None:
    h = sk.parameter("h", positive=True)
    Sigma = sk.function("Sigma", theta, shape=(n, n), positive_semidefinite=True)
    ccadl = Dynamics(
        drift={
            theta: p,
            p: -sk.grad(U, theta) - h / 2 * (Sigma @ p) - xi * p,
            xi: (sk.dot(p, p) - n) / mu,
        },
        diffusion={p: A * sk.eye(n) + h / 2 * Sigma},
        hamiltonian=U + kinetic + mu * (xi - A) ** 2 / 2,
        target=U,
    )
    flow = _part(ccadl, "O")
    assert isinstance(flow, OrnsteinUhlenbeck)
    assert (flow.friction.scalar, flow.friction.matrix) == (xi, h / 2 * Sigma)
    assert (flow.diffusion.scalar, flow.diffusion.matrix) == (A, h / 2 * Sigma)


def test_a_mass_matrix_multiplies_friction_as_a_matrix() -> None:
    M = sk.parameter("M", n, n, positive_definite=True)
    heavy = Dynamics(
        drift={theta: sk.inv(M) @ p, p: -sk.grad(U, theta) - matrix @ (sk.inv(M) @ p)},
        diffusion={p: matrix},
        hamiltonian=U + sk.dot(p, sk.inv(M) @ p) / 2,
        target=U,
    )
    flow = _part(heavy, "O")
    assert isinstance(flow, OrnsteinUhlenbeck)
    assert flow.friction.matrix == matrix @ sk.inv(M)
    assert not flow.friction.is_diagonal


def test_elementwise_friction_is_diagonal() -> None:
    zeta, d = sk.vector("zeta", n), sk.parameter("d", n, positive=True)
    diagonal = Dynamics(
        drift={theta: p, p: -sk.grad(U, theta) - zeta * p, zeta: (p * p - sk.ones(n)) / mu},
        diffusion={p: sk.diag(d)},
        hamiltonian=U + kinetic + mu * sk.dot(zeta - d, zeta - d) / 2,
        target=U,
    )
    flow = _part(diagonal, "O")
    assert isinstance(flow, OrnsteinUhlenbeck)
    assert (flow.friction.elementwise, flow.diffusion.elementwise) == (zeta, d)
    assert flow.friction.is_diagonal


def test_a_row_vector_times_a_matrix_acts_by_the_transpose() -> None:
    G = sk.parameter("G", n, n)
    model = Dynamics(
        drift={theta: p, p: -sk.grad(U, theta) - p @ G},
        diffusion={p: A},
        hamiltonian=U + kinetic,
        target=U,
    )
    flow = _part(model, "O")
    assert isinstance(flow, OrnsteinUhlenbeck)
    assert flow.friction.matrix == G.T


def test_friction_that_is_not_linear_has_no_exact_flow() -> None:
    c = sk.parameter("c", positive=True)
    speed = p / sk.sqrt(1 + sk.dot(p, p) / c**2)
    relativistic = Dynamics(
        drift={theta: speed, p: -sk.grad(U, theta) - A * speed},
        diffusion={p: A},
        hamiltonian=U + c**2 * sk.sqrt(1 + sk.dot(p, p) / c**2),
        target=U,
    )
    found = splitting(relativistic)
    assert found.default_word == "BAOAB"
    assert [part.letter for part in found.parts if not part.exact] == ["O"]
    assert found.part("A").exact
    assert "no exact flow" in found.notes[0]


def test_noise_that_reads_its_own_variable_is_left_to_euler_maruyama() -> None:
    x = sk.scalar("x")
    flow = _part(Dynamics({x: 1 - x}, {x: 1 + x**2}), "S")
    assert isinstance(flow, Inexact)
    assert flow.method == "euler_maruyama"


def test_a_linear_sde_is_solved_exactly() -> None:
    x, y = sk.scalar("x"), sk.scalar("y")
    assert splitting(Dynamics({x: 3 - 2 * x}, {x: 1})).default_word == "O"
    flow = _part(Dynamics({x: 3 - 2 * x}, {x: 1}), "O")
    assert isinstance(flow, OrnsteinUhlenbeck)
    assert str(flow.force) == "3"
    coupled = splitting(Dynamics({x: y - x, y: -x}, {y: 1}))
    assert coupled.default_word == "O"
    assert isinstance(coupled.part("O").flow, LinearBlock)


def test_scalar_momenta_share_one_letter() -> None:
    found = splitting(two_particles())
    assert found.default_word == "BAOAB"
    flow = found.part("O").flow
    assert isinstance(flow, Joint)
    assert [x.name for x in flow.variables] == ["px", "py"]


def test_forces_get_letters_of_their_own_where_asked() -> None:
    found = splitting(two_forces(), separate_forces=True)
    assert {part.functions for part in found.parts if part.kind == "kick"} == {("U",), ("W",)}
    cheap = next(part.letter for part in found.parts if part.functions == ("W",))
    word = f"B ({cheap} A O A {cheap})*2 B"
    assert dict(found.parse(word))[cheap] == Fraction(1, 4)
    assert splitting(two_forces()).letters == ("A", "B", "O")


def test_a_stratonovich_declaration_is_split_in_its_ito_form() -> None:
    x = sk.scalar("x")
    given = Dynamics({x: -x}, noise={x: x}, interpretation="stratonovich")
    found = splitting(given)
    assert found.dynamics == given.ito()
    assert found.proof.holds


def test_a_dynamics_that_stands_still_is_one_part() -> None:
    x = sk.scalar("x")
    assert splitting(Dynamics({x: 0})).letters == ("S",)


def test_a_coefficient_that_reads_the_time_keeps_its_letter() -> None:
    x = sk.scalar("x")
    found = splitting(Dynamics({x: -x * sk.time}, {x: 1}))
    assert (found.letters, found.default_word) == (("O",), "O")


# -- proof ---------------------------------------------------------------------------------------


def test_the_parts_are_proved_to_add_up_for_all_n() -> None:
    proof = splitting(sgnht()).proof
    assert (proof.holds, proof.scope) == (True, "all n")
    assert "all n" in str(proof)


@pytest.mark.parametrize("letter", ["A", "B", "O", "D"])
def test_a_missing_part_is_found(letter: str) -> None:
    """Twin: the proof has power."""
    found = splitting(sgnht())
    proof = prove_sum(found.dynamics, [part for part in found.parts if part.letter != letter])
    assert not proof.holds
    assert proof.missing


def test_a_changed_part_is_found() -> None:
    """Twin: a factor 2 on the thermostat is not overlooked."""
    found = splitting(sgnht())
    changed = replace(found.part("D"), updates=((xi, 2 * (sk.dot(p, p) - n) / mu),))
    kept = [part for part in found.parts if part.letter != "D"]
    proof = prove_sum(found.dynamics, [*kept, changed])
    assert proof.missing == ("drift of xi",)


def test_a_part_that_is_written_differently_is_still_recognized() -> None:
    """trace(outer(p, p)) is dot(p, p): the index calculus knows."""
    found = splitting(sgnht())
    other = replace(found.part("D"), updates=((xi, (sk.trace(sk.outer(p, p)) - n) / mu),))
    proof = prove_sum(
        found.dynamics, [part for part in found.parts if part.letter != "D"] + [other]
    )
    assert proof.holds
    assert proof.method == "normal form of the index calculus"


# -- words ---------------------------------------------------------------------------------------


def test_noise_is_not_run_backwards() -> None:
    found = splitting(langevin())
    with pytest.raises(SchemeError, match="runs the noise of O backwards"):
        found.parse("O[3/2] A B O[-1/2]")


def test_reserved_words_are_no_letters() -> None:
    with pytest.raises(SchemeError, match="EM is no word over letters"):
        splitting(langevin()).parse("EM")


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(SchemeError, match="no part 'X'"):
        splitting(langevin()).part("X")


def test_a_splitting_is_plain_data_and_text() -> None:
    found = splitting(sgnht())
    data = found.to_dict()
    assert data["default_word"] == "BADODAB"
    assert data["parts"][0] == {
        "letter": "A",
        "kind": "position drift",
        "exact": True,
        "flow": "Shift",
        "drift": {"theta": "p"},
        "diffusion": {},
        "reads": ["p"],
        "functions": [],
    }
    assert "thermostat drift, exact flow" in str(found)


def test_forces_of_a_sum_are_told_apart() -> None:
    assert {str(U), str(W)} == {"U(theta)", "W(theta)"}
    names = [part.functions for part in splitting(two_forces()).parts if part.kind == "kick"]
    assert names == [("U", "W")]
