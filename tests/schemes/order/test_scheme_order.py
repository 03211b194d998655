"""Orders of schemes for generic potentials: the published table, and an independent route."""

from __future__ import annotations

import pytest
import sympy as sp

import sdekit as sk
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SchemeError
from sdekit.schemes.order.scheme_order import order
from tests.schemes.models import A, langevin, n, overdamped, p, sgnht, theta, two_particles

q, momentum, gamma = sp.symbols("q p gamma")
U = sp.Function("U", real=True)(q)
U1, U2, U3, U4 = (sp.diff(U, q, k) for k in (1, 2, 3, 4))
_pU3, _drag, _work = momentum**3 * U3, gamma * momentum**2 * U2, momentum * U1 * U2

#: Weak order, invariant-measure order and A_{r+1}^dagger 1 at unit temperature.
TABLE = {
    "ABO": (1, 1, (U1**2 - momentum**2 * U2) / 2),
    "BAO": (1, 1, (momentum**2 * U2 - U1**2) / 2),
    "OBA": (1, 1, (momentum**2 * U2 - U1**2) / 2),
    "BAOAB": (2, 2, -_pU3 / 12 - _drag / 4 + _work / 4 + gamma * U2 / 4),
    "ABOBA": (2, 2, _pU3 / 24 + _drag / 4 - _work / 4 - gamma * U2 / 4),
    "OBABO": (2, 2, -_pU3 / 12 + _work / 4),
    "OABAO": (2, 2, _pU3 / 24 - _work / 4),
}

#: h^2 coefficient of the marginal of the positions at large friction, up to a constant.
LARGE_FRICTION = {
    "BAOAB": sp.Integer(0),
    "ABOBA": -U2 / 8,
    "OBABO": U1**2 / 8 - U2 / 4,
    "OABAO": U2 / 8 - U1**2 / 8,
}


def _on_paper(expression: sp.Expr) -> sp.Expr:
    """The result of `order` in the symbols of this file."""
    names = {symbol.name: symbol for symbol in expression.free_symbols}
    rename = {"theta_1": q, "p_1": momentum, "A": gamma}
    return expression.subs({names[k]: v for k, v in rename.items() if k in names}).doit()


@pytest.mark.parametrize("word", TABLE)
def test_the_table_of_langevin_splittings_is_reproduced(word: str) -> None:
    weak, invariant, leading = TABLE[word]
    found = order(langevin(), word)
    assert (found.weak_order, found.invariant_order) == (weak, invariant)
    assert sp.expand(_on_paper(found.leading_term) - leading) == 0


@pytest.mark.parametrize("word", LARGE_FRICTION)
def test_the_marginal_at_large_friction_is_that_of_the_table(word: str) -> None:
    found = order(langevin(), word).large_friction_marginal
    assert found is not None
    assert sp.expand(_on_paper(found) - LARGE_FRICTION[word]) == 0


def test_baoab_is_superconvergent_and_obabo_is_not() -> None:
    """Twin of the table above: the two marginals differ."""
    assert order(langevin(), "BAOAB").large_friction_marginal == 0
    assert order(langevin(), "OBABO").large_friction_marginal != 0


def test_euler_maruyama_of_brownian_dynamics_has_a_known_density() -> None:
    found = order(overdamped(), "EM")
    assert (found.weak_order, found.invariant_order) == (1, 1)
    leading = U1**2 * U2 / 2 - U1 * U3 - U2**2 / 2 + U4 / 2
    assert sp.expand(_on_paper(found.leading_term) - leading) == 0
    assert sp.expand(_on_paper(found.modified_density) - (U1**2 / 4 - U2 / 2)) == 0


def _adjoint(f: sp.Expr) -> sp.Expr:
    """d/dq in L^2(e^-U): the route through SymPy shares no code with the jet ring."""
    return sp.diff(f, q) - sp.diff(U, q) * f


def test_the_leading_term_of_euler_maruyama_agrees_with_sympy() -> None:
    """A_2 f = v^2 f'' / 2 + v f''' + f'''' / 2 with v = -U' frozen; its adjoint applied to 1."""
    v = -sp.diff(U, q)
    second = _adjoint(_adjoint(v**2)) / 2 - _adjoint(_adjoint(_adjoint(v)))
    fourth = _adjoint(_adjoint(_adjoint(_adjoint(sp.Integer(1))))) / 2
    found = _on_paper(order(overdamped(), "EM").leading_term)
    assert sp.expand(second + fourth - found) == 0


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_density_of_euler_maruyama_holds_in_more_dimensions(dimension: int) -> None:
    found = order(overdamped(), "EM", n=dimension)
    x = sp.symbols(f"theta_1:{dimension + 1}", real=True)
    potential = sp.Function("U", real=True)(*x)
    expected = sum(sp.diff(potential, s) ** 2 / 4 - sp.diff(potential, s, 2) / 2 for s in x)
    assert found.modified_density is not None
    assert sp.expand(found.modified_density - expected) == 0


@pytest.mark.parametrize("word", ["BADODAB", "ADBOBDA", "ABDODBA", "DABOBAD"])
def test_palindromes_of_the_thermostat_have_order_two(word: str) -> None:
    found = order(sgnht(), word)
    assert (found.weak_order, found.invariant_order) == (2, 2)


@pytest.mark.parametrize("word", ["BADO", "BADOBAD", "Algorithm1", "Algorithm2", "EM"])
def test_other_schemes_of_the_thermostat_have_order_one(word: str) -> None:
    """Twin: the order test tells a palindrome from its neighbours."""
    found = order(sgnht(), word)
    assert (found.weak_order, found.invariant_order) == (1, 1)


def test_friction_before_and_after_the_kick_is_no_palindrome() -> None:
    shuffled = order(sgnht(), "A[1/2] D[1/2] O[1/2] B[1/2] O[1/2] B[1/2] D[1/2] A[1/2]")
    palindrome = order(sgnht(), "A[1/2] D[1/2] O[1/2] B O[1/2] D[1/2] A[1/2]")
    assert (shuffled.weak_order, shuffled.invariant_order) == (1, 1)
    assert (palindrome.weak_order, palindrome.invariant_order) == (2, 2)


def test_a_third_order_composition_is_recognized() -> None:
    flow = Dynamics(
        drift={theta: p, p: -sk.grad(sk.potential("U", theta), theta)},
        hamiltonian=sk.potential("U", theta) + sk.dot(p, p) / 2,
        target=sk.potential("U", theta),
    )
    ruth = "B[7/24] A[2/3] B[3/4] A[-2/3] B[-1/24] A[1]"
    found = order(flow, ruth)
    assert (found.weak_order, found.invariant_order) == (3, 3)
    assert order(flow, "BAB").weak_order == 2


def test_multiple_time_steps_keep_the_order_of_the_palindrome() -> None:
    found = order(two_particles(), "B (A O A)*2 B")
    assert (found.weak_order, found.invariant_order) == (2, 2)


# -- what is proved for which n ------------------------------------------------------------------


def test_the_claims_say_what_holds_for_which_n() -> None:
    claims = {str(claim).split(" [")[0]: claim.scope for claim in order(langevin(), "BAOAB").claims}
    assert claims == {
        "weak order >= 2": "all n",
        "invariant-measure order >= 2": "all n",
        "weak order = 2": "n = 1",
        "invariant-measure order = 2": "n = 1",
    }


def test_the_series_can_be_computed_at_other_sizes() -> None:
    found = order(sgnht(), "BADODAB", n=2)
    assert (found.weak_order, found.invariant_order) == (2, 2)
    assert "n = 2" in {claim.scope for claim in found.claims}


def test_a_sampler_that_is_right_at_n_1_only_has_no_invariant_order() -> None:
    mu = sk.parameter("mu", positive=True)
    xi = sk.scalar("xi")
    V = sk.potential("U", theta)
    wrong = Dynamics(
        drift={theta: p, p: -sk.grad(V, theta) - xi * p, xi: (sk.dot(p, p) - 1) / mu},
        diffusion={p: A * sk.eye(n)},
        hamiltonian=V + sk.dot(p, p) / 2 + mu * (xi - A) ** 2 / 2,
        target=V,
    )
    found = order(wrong)
    assert (found.weak_order, found.invariant_order) == (2, None)
    assert ("exp(-H) is not stationary", "n = 2") in {(c.statement, c.scope) for c in found.claims}


def test_a_linear_sde_solved_exactly_has_no_order_to_state() -> None:
    x = sk.scalar("x")
    linear = Dynamics({x: -2 * x}, {x: 1}, hamiltonian=x**2)
    exact = order(linear)
    assert exact.is_exact
    assert (exact.weak_order, exact.invariant_order) == (None, None)
    assert order(linear, "EM").weak_order == 1


def test_a_plain_sde_has_a_weak_order_only() -> None:
    x = sk.scalar("x")
    found = order(Dynamics({x: -(x**3)}, {x: 1}), "EM")
    assert (found.weak_order, found.invariant_order) == (1, None)


# -- data and errors -----------------------------------------------------------------------------


def test_an_order_is_plain_data_and_text() -> None:
    found = order(overdamped(), "EM")
    data = found.to_dict()
    assert (data["weak_order"], data["invariant_order"], data["exact"]) == (1, 1, False)
    assert data["leading_term"] == "U'**2*U''/2 - U''**2/2 - U'*U''' + U^(4)/2"
    assert data["modified_density"] == "U'**2/4 - U''/2"
    assert "weak order 1" in str(found)


def test_a_printed_order_says_that_it_holds_away_from_boundaries() -> None:
    v, m = sk.scalar("v", domain="positive"), sk.parameter("m", positive=True)
    root = sk.Dynamics(drift={v: m - v}, noise={v: sk.sqrt(v)})
    assert "if the boundary of v is not reached" in str(order(root, "EM"))
    assert "boundary" not in str(order(overdamped(), "EM"))


def test_a_square_root_diffusion_by_its_own_letter_is_exact() -> None:
    v, m = sk.scalar("v", domain="positive"), sk.parameter("m", positive=True)
    found = order(sk.Dynamics(drift={v: m - v}, noise={v: sk.sqrt(v)}))
    assert found.word == "C" and found.is_exact


def test_matched_moments_have_no_order_theory() -> None:
    x = sk.scalar("x", domain=(0, 1))
    with pytest.raises(SchemeError, match="no order theory of the letter C"):
        order(sk.Dynamics(drift={x: 1 - 2 * x}, diffusion={x: x * (1 - x)}))


def test_the_default_word_is_used_where_none_is_given() -> None:
    assert order(sgnht()).word == "BADODAB"


@pytest.mark.parametrize(
    ("word", "message"),
    [("BAOAC", "leaves out|does not have"), ("BAB", "leaves out O")],
)
def test_a_word_that_does_not_fit_is_refused(word: str, message: str) -> None:
    with pytest.raises(SchemeError, match=message):
        order(langevin(), word)


def test_algorithm_1_needs_momenta() -> None:
    with pytest.raises(SchemeError, match="Algorithm 1 is for dynamics with momenta"):
        order(overdamped(), "Algorithm1")


def test_explicit_time_is_refused() -> None:
    x = sk.scalar("x")
    with pytest.raises(SchemeError, match="do not depend on time"):
        order(Dynamics({x: -x * sk.time}, {x: 1}), "EM")
