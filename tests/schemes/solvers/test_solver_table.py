"""A solver runs only where it has an order; the refusal says why."""

import diffrax
import pytest

from sdekit.errors import SchemeError
from sdekit.schemes.solvers.noise_type import NoiseKind, NoiseType
from sdekit.schemes.solvers.solver_table import (
    ADAPTIVE_DEFAULTS,
    DEFAULTS,
    SOLVERS,
    choose_solver,
)


def of(kind):
    return NoiseType(kind, "the reason")


@pytest.mark.parametrize("kind", NoiseKind)
def test_every_default_fits_its_noise(kind):
    assert kind in SOLVERS[DEFAULTS[kind]].orders
    assert kind in SOLVERS[ADAPTIVE_DEFAULTS[kind]].adaptive


THEIRS = [solver for solver in SOLVERS.values() if solver.diffrax_name]


@pytest.mark.parametrize("solver", THEIRS, ids=lambda s: s.name)
def test_the_table_agrees_with_diffrax(solver):
    theirs = getattr(diffrax, solver.diffrax_name)()
    is_ito = isinstance(theirs, diffrax.AbstractItoSolver)
    assert is_ito == (solver.interpretation == "ito")
    assert solver.needs_levy_area == hasattr(theirs, "minimal_levy_area")


@pytest.mark.parametrize(
    ("name", "kind", "options", "message"),
    [
        ("rk4", NoiseKind.ADDITIVE, {}, "no such solver"),
        ("milstein", NoiseKind.GENERAL, {}, "does not converge for general noise: found the re"),
        ("shark", NoiseKind.DIAGONAL, {}, "does not converge for diagonal noise"),
        ("euler", NoiseKind.ADDITIVE, {"adaptive": True}, "must not choose its own steps"),
        ("heun", NoiseKind.GENERAL, {"adaptive": True}, "expected one of spark"),
        ("heun", NoiseKind.GENERAL, {"can_convert": False}, "cannot be converted"),
    ],
)
def test_a_solver_that_does_not_fit_is_refused_with_the_reason(name, kind, options, message):
    with pytest.raises(SchemeError, match=message):
        choose_solver(name, of(kind), **options)


def test_without_conversion_the_default_is_an_ito_solver():
    assert choose_solver(None, of(NoiseKind.GENERAL), can_convert=False).name == "euler"
