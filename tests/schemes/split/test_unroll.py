"""A scheme becomes one sequence of moves."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp

import sdekit as sk
import sdekit.catalog as catalog
from sdekit.errors import SchemeError
from sdekit.schemes.order.one_step_series import Generator, Stage, adjoint_of_one
from sdekit.schemes.order.ring_stages import part_components, step_of
from sdekit.schemes.order.scheme_order import order
from sdekit.schemes.split.flow_records import Inexact, Shift
from sdekit.schemes.split.splitting import splitting
from sdekit.schemes.split.unroll import check_scheme, fresh_gradients, unroll


def names(dynamics: str, scheme: str) -> list[str]:
    return [move.name for move in unroll(splitting(catalog.get(dynamics)), scheme)]


def test_algorithm_1_moves_momenta_then_positions_then_all_the_rest_jointly() -> None:
    assert names("sgnht", "Algorithm1") == ["p", "theta", "xi"]
    assert names("nose-hoover-chain", "Algorithm1") == ["p", "theta", "xi, zeta"]
    assert names("langevin", "SGHMC") == ["p", "theta"]


def test_the_default_word_is_taken_where_no_scheme_is_given() -> None:
    parts = splitting(catalog.get("langevin"))
    assert unroll(parts) == unroll(parts, "BAOAB")
    # Twin: another word is another sequence.
    assert unroll(parts) != unroll(parts, "ABOBA")


def test_the_leading_term_on_a_chain_of_thermostats_is_that_of_the_joint_move() -> None:
    """Part by part zeta reads the new xi, which is another scheme: its A_2^dagger 1 differs."""
    parts = splitting(catalog.get("nose-hoover-chain"))
    step = step_of(parts, "Algorithm1", {"n": 1}, 2)
    assert step.slopes is not None
    alone = tuple(
        Stage(
            Generator(
                step.ring,
                {i: step.ring.convert(v) for i, v in enumerate(piece.drift) if v != 0},
                {},
            ),
            Fraction(1),
            frozen=True,
        )
        for part in parts.parts
        if {x.name for x in part.moves} <= {"xi", "zeta"}
        for piece in [part_components(parts.dynamics, part, {"n": 1})]
    )
    assert len(alone) == 3
    joint, by_part = (
        adjoint_of_one(step.ring, stages, 2, step.slopes)[2]
        for stages in (step.stages, (*step.stages[:2], *alone))
    )
    found = step.ring.as_fraction(joint - by_part)
    values = {s.name: s for s in found.free_symbols}
    xi, zeta, p = (values[name] for name in ("xi", "zeta", "p_1"))
    at_one = found.subs(dict.fromkeys(found.free_symbols - {xi, zeta, p}, 1))
    assert sp.expand(at_one - 2 * xi * (xi * zeta**2 - xi - p**2 * zeta + zeta)) == 0


def test_algorithm_1_of_a_generalized_langevin_equation_has_order_one() -> None:
    found = order(catalog.get("gle"), "Algorithm1")
    assert (found.weak_order, found.invariant_order) == (1, 1)


def test_a_group_that_reads_nothing_it_moves_is_a_shift() -> None:
    kick, drift, thermostat = unroll(splitting(catalog.get("sgnht")), "Algorithm1")
    assert isinstance(kick.flow, Inexact)
    assert isinstance(drift.flow, Shift)
    assert isinstance(thermostat.flow, Shift)


def test_momenta_are_found_without_a_declared_target() -> None:
    q, p = sk.scalar("q"), sk.scalar("p")
    plain = sk.Dynamics(drift={q: p, p: -q - p}, diffusion={p: 1})
    assert [move.name for move in unroll(splitting(plain), "Algorithm1")] == ["p", "q"]


def test_noise_that_ties_groups_together_is_refused() -> None:
    q, p = sk.scalar("q"), sk.scalar("p")
    u = sk.potential("U", q)
    tied = sk.Dynamics(
        drift={q: p, p: -sk.grad(u, q) - p},
        noise={q: [1, 0], p: [1, 1]},
        hamiltonian=u + p**2 / 2,
        target=u,
    )
    with pytest.raises(SchemeError, match="share noise"):
        unroll(splitting(tied), "Algorithm1")
    # Twin: all at once is one draw.
    assert len(unroll(splitting(tied), "EM")) == 1


def test_rows_over_shared_motions_that_are_independent_tie_nothing() -> None:
    q, p = sk.scalar("q"), sk.scalar("p")
    u = sk.potential("U", q)
    free = sk.Dynamics(
        drift={q: p, p: -sk.grad(u, q) - p},
        noise={q: [1, 0], p: [0, 1]},
        hamiltonian=u + p**2 / 2,
        target=u,
    )
    first, second = unroll(splitting(free), "Algorithm1")
    assert isinstance(first.flow, Inexact)
    assert isinstance(second.flow, Inexact)
    assert (first.flow.factor, second.flow.factor) == ((), ())


def test_a_scheme_that_does_not_fit_is_refused_before_anything_runs() -> None:
    parts = splitting(catalog.get("overdamped"))
    with pytest.raises(SchemeError, match="HMC is for Hamiltonian flows"):
        check_scheme(parts, "HMC")
    check_scheme(splitting(catalog.get("hamiltonian")), "HMC")
    with pytest.raises(SchemeError, match="dynamics with momenta"):
        check_scheme(parts, "Algorithm1")
    with pytest.raises(SchemeError, match="scalar thermostat"):
        check_scheme(splitting(catalog.get("langevin")), "Algorithm2")
    with pytest.raises(SchemeError, match="scalar thermostat"):
        check_scheme(splitting(catalog.get("sgnht-matrix")), "Algorithm2")


@pytest.mark.parametrize(
    ("scheme", "count"),
    [
        ("BAOAB", 1),
        ("ABOBA", 1),
        ("OBABO", 1),
        ("BAO", 1),
        ("OABAO", 1),
        ("BABOBAB", 2),
        ("EM", 1),
        ("Algorithm1", 1),
    ],
)
def test_a_palindrome_costs_one_gradient_per_step(scheme: str, count: int) -> None:
    """ABOBA and OBABO kick twice, but nothing moves the positions in between or around the end."""
    assert sum(fresh_gradients(unroll(splitting(catalog.get("langevin")), scheme))) == count
