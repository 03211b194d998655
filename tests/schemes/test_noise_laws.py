"""Variables with a few moments of a normal: which scheme may use them, and what they change."""

from math import factorial, prod

import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SchemeError
from sdekit.schemes.noise_laws import WEAK_LAWS, weak_law

Q, P = sk.scalar("q"), sk.scalar("p")
U = sk.potential("U", Q)
LANGEVIN = sk.Dynamics(
    {Q: P, P: -sk.grad(U, Q) - P}, {P: 1}, hamiltonian=U + P**2 / 2, target=U, name="langevin"
)


def normal_moment(power):
    return prod(range(1, power, 2)) if power % 2 == 0 else 0


@pytest.mark.parametrize("law", WEAK_LAWS, ids=lambda law: law.name)
def test_a_law_has_the_moments_it_states_and_no_more(law):
    for power in range(1, law.moments + 2):
        gap = abs(law.moment(power) - normal_moment(power))
        is_within_rounding = gap < 1e-13 * factorial(power)
        assert is_within_rounding is (power <= law.moments)


def test_an_order_asks_for_the_moments_up_to_twice_of_it_and_one():
    assert [weak_law(order).moments for order in (1, 2, 3)] == [5, 5, 7]
    assert weak_law(4) is None


@pytest.mark.parametrize("scheme", ["BAOAB", "OBABO", "EM"])
def test_orders_are_kept_and_a_leading_term_that_changes_is_not_shown(scheme):
    plain, weak = sk.order(LANGEVIN, scheme), sk.order(LANGEVIN, scheme, noise="weak")
    assert (weak.weak_order, weak.invariant_order) == (plain.weak_order, plain.invariant_order)
    assert "4-bit variables" in str(weak)
    assert (weak.leading_term == plain.leading_term) is (plain.invariant_order == 1)


def chain(scheme, h, friction=1.0):
    """One step of a word on U = q^2/2: z -> M z + sum_k b_k x_k, for standard x_k."""
    move = {
        "A": lambda t: np.array([[1, t], [0, 1]]),
        "B": lambda t: np.array([[1, 0], [-t, 1]]),
        "O": lambda t: np.diag([1, np.exp(-friction * t)]),
    }
    columns, whole = [], np.eye(2)
    for letter in scheme:
        step = move[letter](h / scheme.count(letter))
        whole, columns = step @ whole, [step @ column for column in columns]
        if letter == "O":
            t = friction * h / scheme.count("O")
            columns.append(np.array([0, np.sqrt(1 - np.exp(-2 * t))]))
    return whole, columns


def sixth_cumulant(scheme, h, law):
    """Of p under the stationary law: cumulants of independent terms add up."""
    step, columns = chain(scheme, h)
    total = 0.0
    for column in columns:
        seen = column
        for _ in range(int(60 / h)):
            total += (law.moment(6) - 15) * seen[1] ** 6
            seen = step @ seen
    return total


@pytest.mark.parametrize("scheme", ["BAOAB", "OBABO"])
def test_the_predicted_bias_knows_the_sixth_moment(scheme):
    """The difference of the coefficients, against the exact cumulants of the linear chain."""
    found = [
        sk.bias(LANGEVIN, scheme, potential="q**2/2", observable="p**6", noise=noise).coefficient
        for noise in ("normal", "weak")
    ]
    exact = [sixth_cumulant(scheme, h, WEAK_LAWS[0]) / h**2 for h in (0.02, 0.01)]
    # The cumulant is c h^2 + O(h^3) at most: what two step sizes leave open bounds the rest.
    extrapolated, slack = 2 * exact[1] - exact[0], abs(exact[1] - exact[0])
    assert abs(found[1] - found[0] - extrapolated) < slack
    # Twin: six bits have the sixth moment of a normal, and change nothing.
    assert abs(sixth_cumulant(scheme, 0.01, WEAK_LAWS[1])) < 1e-12 < slack < abs(extrapolated)


def test_a_bias_that_is_not_known_is_refused():
    x, y = sk.scalar("x"), sk.scalar("y")
    px, py = sk.scalar("px"), sk.scalar("py")
    V = sk.potential("V", x, y)
    both = sk.Dynamics(
        {x: px, y: py, px: -sk.grad(V, x) - 2 * px - py, py: -sk.grad(V, y) - px - 2 * py},
        {px: 2, py: 2, (px, py): 1},
        hamiltonian=V + (px**2 + py**2) / 2,
        target=V,
    )
    with pytest.raises(SchemeError, match="diagonal D"):
        sk.bias(both, potential="(x**2 + y**2)/2", observable="px**2", noise="weak")
    factor = sk.Dynamics(
        {Q: P, P: -sk.grad(U, Q) - P}, noise={P: sk.sqrt(2)}, hamiltonian=U + P**2 / 2, target=U
    )
    with pytest.raises(SchemeError, match="factor"):
        sk.bias(factor, potential="q**2/2", observable="p**6", noise="weak")


def test_schemes_whose_promise_needs_the_whole_law_are_refused():
    x, v = sk.scalar("x"), sk.scalar("v", domain="positive")
    exact = sk.Dynamics({x: -x}, {x: 1}, hamiltonian=x**2 / 2)
    with pytest.raises(SchemeError, match="exact law"):
        sk.sampler(exact, noise="weak")
    flow = sk.Dynamics({Q: P, P: -sk.grad(U, Q)}, hamiltonian=U + P**2 / 2, target=U)
    with pytest.raises(SchemeError, match="order is proved"):
        sk.sampler(flow, lambda q: q**2, scheme="HMC", leapfrog_steps=3, noise="weak")
    root = sk.Dynamics({v: 1 - v}, {v: v})
    with pytest.raises(SchemeError, match="meet an end"):
        sk.sampler(root, scheme="EM", noise="weak")
    with pytest.raises(SchemeError, match="'normal' or 'weak'"):
        sk.order(LANGEVIN, noise="strong")


def test_a_run_has_the_predicted_moments_and_says_what_its_noise_is():
    strong = sk.Dynamics(
        {Q: P, P: -sk.grad(U, Q) - 3 * P}, {P: 3}, hamiltonian=U + P**2 / 2, target=U
    )
    sampler = sk.sampler(strong, lambda q: q**2 / 2, scheme="BABO", noise="weak")
    run = sk.simulate(
        sampler, 0.0, step_size=1.0, steps=2000, thin=4, burn_in=40, chains=200, seed=7
    )
    p = np.asarray(run.samples["p"], np.float64)
    step, columns = chain("BABO", 1.0, friction=3.0)
    variance, sixth = 0.0, 0.0
    for column in columns:
        seen = column
        for _ in range(200):
            variance += seen[1] ** 2
            sixth += (WEAK_LAWS[0].moment(6) - 15) * seen[1] ** 6
            seen = step @ seen
    moment = 15 * variance**3 + sixth
    means = (p**6).mean(axis=1)
    error = means.std(ddof=1) / np.sqrt(means.size)
    assert abs(means.mean() - moment) < 4.5 * error
    # Twin: the moment that normals would have is told apart.
    assert abs(means.mean() - (moment - sixth)) > 4.5 * error
    assert any("4-bit" in note for note in run.notes)
