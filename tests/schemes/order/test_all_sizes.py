"""Leading terms for every n at once, against formulas in vector notation and single sizes."""

from __future__ import annotations

from fractions import Fraction

import pytest

import sdekit as sk
import sdekit.catalog as catalog
from sdekit.calculus import contraction
from sdekit.catalog.record import REFUTED
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression
from sdekit.schemes.order import order_series
from sdekit.schemes.order.all_sizes import adjoint_of_one
from sdekit.schemes.order.scheme_order import order
from sdekit.schemes.split.splitting import splitting
from tests.schemes.models import A, U, langevin, overdamped, p, sgnht, theta

force = sk.grad(U, theta)
hessian = sk.grad(force, theta)
third = sk.grad(hessian, theta)
laplacian = sk.trace(hessian)
_ppp = sk.dot(p, (third @ p) @ p)
_drag = A * sk.dot(p, hessian @ p)
_work = sk.dot(p, hessian @ force)

#: A_{r+1}^dagger 1 for every n; at n = 1 these are the formulas of the published table.
LANGEVIN = {
    "BAOAB": -_ppp / 12 - _drag / 4 + _work / 4 + A * laplacian / 4,
    "ABOBA": _ppp / 24 + _drag / 4 - _work / 4 - A * laplacian / 4,
    "OBABO": -_ppp / 12 + _work / 4,
    "OABAO": _ppp / 24 - _work / 4,
    "BAO": (sk.dot(p, hessian @ p) - sk.dot(force, force)) / 2,
}
EULER = (
    sk.dot(force, hessian @ force) / 2
    - sk.dot(force, sk.grad(laplacian, theta))
    - sk.dot(hessian, hessian) / 2
    + sk.div(sk.grad(laplacian, theta), theta) / 2
)


def _vanishes(tensor: contraction.Tensor, formula: Expression) -> bool:
    given = contraction.lower(formula)
    return contraction.is_zero(contraction.combine([(Fraction(1), tensor), (Fraction(-1), given)]))


@pytest.mark.parametrize("word", LANGEVIN)
def test_the_table_holds_in_vector_notation_for_every_n(word: str) -> None:
    degree = 2 if word == "BAO" else 3
    series = adjoint_of_one(splitting(langevin()), word, degree)
    assert all(contraction.is_zero(term) for term in series[1:degree])
    assert _vanishes(series[degree], LANGEVIN[word])


def test_another_word_has_another_leading_term() -> None:
    """Twin: the comparison tells BAOAB from ABOBA."""
    series = adjoint_of_one(splitting(langevin()), "ABOBA", 3)
    assert not _vanishes(series[3], LANGEVIN["BAOAB"])


def test_euler_maruyama_has_its_term_and_density_for_every_n() -> None:
    """L g = -A_2^dagger 1 with g = |grad U|^2 / 4 - laplace U / 2; Brownian dynamics is its own
    adjoint."""
    series = adjoint_of_one(splitting(overdamped()), "EM", 2)
    assert contraction.is_zero(series[1])
    assert _vanishes(series[2], EULER)
    g = sk.dot(force, force) / 4 - laplacian / 2
    moved = contraction.generator(overdamped(), g)
    assert contraction.is_zero(
        contraction.combine([(Fraction(1), moved), (Fraction(1), series[2])])
    )


@pytest.mark.parametrize("word", ["BADODAB", "Algorithm1", "EM"])
def test_the_order_of_the_thermostat_for_all_n_is_that_at_n_2(word: str) -> None:
    """Index calculus and polynomial ring share no code; sizes given leave out the former."""
    found = order(sgnht(), word)
    at_two = order(sgnht(), word, n=2)
    assert found.invariant_order == at_two.invariant_order
    assert found.leading_for_all_n is not None
    assert at_two.leading_for_all_n is None


def _with_open_sizes() -> list[str]:
    return [
        name
        for name in catalog.names(plain=False)
        if any(dim.size is None for dim in catalog.get(name).dimensions)
        and catalog.get(name).hamiltonian is not None
        and catalog.entry(name).claims.get("stationarity") != REFUTED
    ]


@pytest.mark.parametrize("name", _with_open_sizes())
def test_the_invariant_order_of_published_samplers_is_proved_for_all_n(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is provable must not depend on how busy the machine is.
    monkeypatch.setattr(order_series, "BUDGET", None)
    found = order(catalog.get(name))
    if found.is_exact:
        return
    scopes = {c.scope for c in found.claims if c.statement.startswith("invariant-measure")}
    assert "all n" in scopes
    bound = f"invariant-measure order >= {found.invariant_order}"
    assert (bound, "all n") in {(c.statement, c.scope) for c in found.claims}


def test_what_holds_at_n_1_only_is_not_claimed_for_all_n() -> None:
    """Twin: wrong for n >= 2, so no claim about a stationary law is left."""
    found = order(catalog.get("sgnht-mass"))
    assert not [c for c in found.claims if c.statement.startswith("invariant-measure")]


def test_scalar_models_need_no_other_sizes() -> None:
    x = sk.scalar("x")
    V = sk.potential("V", x)
    found = order(Dynamics({x: -sk.grad(V, x)}, {x: 1}, hamiltonian=V))
    assert found.leading_for_all_n is None
    assert {claim.scope for claim in found.claims} == {"components"}
