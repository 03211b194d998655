"""Every term of v, D and H of the samplers dropped, negated or doubled: no verdict is wrong.

A mutant whose normal form is zero must be valid in SymPy components as well; every other one must
have a counterexample. The long form of this evidence is in `verification/`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flint import ctx

from sdekit.calculus.contraction import counterexample, is_zero, lower_dynamics, residual
from sdekit.calculus.contraction.values.concrete_model import Model, OutsideDomain
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression, Sum
from sdekit.declaration.tree.operators import ZERO, negate
from tests.calculus.contraction.models import VALID
from tests.calculus.contraction.oracle import Oracle, agree, as_number

#: Samplers with every kind of term; those left out differ from one of them by a parameter.
MUTATED = (
    "Langevin, mass and friction matrix",
    "preconditioned",
    "SGNHT",
    "SGNHT, known D(theta)",
    "Nose-Hoover chain",
    "diagonal SGNHT",
    "symmetric matrix SGNHT with noise",
    "CCAdL",
    "GLE",
    "complete recipe",
    "Riemannian with friction",
    "relativistic SGNHT",
    "SGNHT, log-cosh kinetic energy",
)


def variants(expression: Expression) -> Iterator[Expression]:
    terms = expression.terms if isinstance(expression, Sum) else (expression,)
    for position, term in enumerate(terms):
        for new in (None, negate(term), 2 * term):
            kept = [new if k == position else other for k, other in enumerate(terms)]
            left = [other for other in kept if other is not None]
            total = left[0] if left else ZERO
            for other in left[1:]:
                total = total + other
            yield total


def mutants(dynamics: Dynamics) -> Iterator[Dynamics]:
    drift, diffusion = dict(dynamics.drift), dict(dynamics.diffusion)
    H = dynamics.hamiltonian
    for X, v in drift.items():
        for new in variants(v):
            yield Dynamics({**drift, X: new}, diffusion, hamiltonian=H)
    for pair, D in diffusion.items():
        for new in variants(D):
            yield Dynamics(drift, {**diffusion, pair: new}, hamiltonian=H)
    for new in variants(H):
        yield Dynamics(drift, diffusion, hamiltonian=new)


def vanishes_in_components(dynamics: Dynamics) -> bool:
    for seed in range(3, 9):
        model = Model(dict.fromkeys(dynamics.dimensions, 2), seed, {})
        try:
            with ctx.workprec(200):
                model.value(lower_dynamics(dynamics).energy)
        except OutsideDomain:
            continue
        return agree(Oracle(dynamics, model).residual(), as_number(model.value(residual(dynamics))))
    raise AssertionError("no seed lies in the domain of every kernel")


@pytest.mark.parametrize("name", MUTATED)
def test_every_mutant_is_proved_rightly_or_has_a_counterexample(name):
    refuted = 0
    for mutant in mutants(VALID[name]):
        lowered = lower_dynamics(mutant)
        left = residual(lowered)
        if is_zero(left):
            assert vanishes_in_components(mutant), mutant
        else:
            assert counterexample(left) is not None, mutant
            refuted += 1
    assert refuted >= 4
