"""Audit: right steps are consistent, wrong ones are named, nothing is claimed for free."""

import jax
import jax.numpy as jnp
import pytest

import sdekit as sk
from sdekit.auditing.audit_checks import declared_coefficients, random_states, step_map
from sdekit.auditing.implied_coefficients import Sums
from sdekit.declaration.tree.addends import additive_terms
from sdekit.errors import SimulationError

FRICTION, MU = 3.0, 10.0
VALUES = {"A": FRICTION, "mu": MU}
x = sk.scalar("x")
ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)


def potential(theta):
    return jnp.sum(theta**4) / 4 + jnp.sum(theta**2) / 2


def sgnht_step(key, state, h, *, norm=False, scale=None, friction=1.0):
    """Algorithm 1 of Ding et al. (2014), with room for mistakes."""
    theta, p, xi = state["theta"], state["p"], state["xi"]
    noise = (jnp.sqrt(2 * FRICTION * h) if scale is None else scale(h)) * jax.random.normal(
        key, p.shape
    )
    p = p - h * friction * xi * p - h * jax.grad(potential)(theta) + noise
    kinetic = jnp.sqrt(p @ p) if norm else p @ p
    return {"theta": theta + h * p, "p": p, "xi": xi + h * (kinetic - p.size) / MU}


def audited(**mistake):
    def step(key, state, h):
        return sgnht_step(key, state, h, **mistake)

    sgnht = sk.catalog.get("sgnht")
    return sk.audit(step, sgnht, potential=potential, parameters=VALUES, states=6)


def test_algorithm_1_is_the_sde_it_claims_to_be():
    found = audited()
    assert found.verdict == "consistent"
    assert found.resolution <= 0.25
    assert found.discrepancies == ()


@pytest.mark.parametrize(
    ("mistake", "text"),
    [
        ({"norm": True}, "drift of xi: sqrt(dot(p, p))/mu stands where dot(p, p)/mu is expected"),
        (
            {"scale": lambda h: h * FRICTION},
            "noise scale of p is h*A where sqrt(2*A*h) is expected",
        ),
        (
            {"scale": lambda h: FRICTION * jnp.sqrt(2 * h)},
            "noise scale of p is sqrt(2*A**2*h) where sqrt(2*A*h) is expected",
        ),
        ({"friction": 0.0}, "drift of p: the term -(xi*p) is missing"),
        ({"friction": -1.0}, "drift of p: the term -(xi*p) has the opposite sign"),
    ],
)
def test_each_mistake_is_named_as_what_it_looks_like(mistake, text):
    found = audited(**mistake)
    assert found.verdict == "inconsistent"
    assert any(text in line for line in found.discrepancies), found.discrepancies


def test_too_few_draws_are_no_evidence():
    """Twin: with a resolution of 2 % asked for and few draws allowed, nothing is claimed."""

    def euler(key, state, h):
        return {"x": state["x"] * (1 - h) + jnp.sqrt(2 * h) * jax.random.normal(key)}

    found = sk.audit(euler, ou, draws=20_000, resolution=0.02, states=3, chains=0)
    assert found.verdict == "not enough evidence"
    assert "give more draws" in found.reason


def test_a_step_that_does_not_move_is_found():
    found = sk.audit(lambda key, state, h: state, ou, states=3, chains=0)
    assert "x does not move" in found.discrepancies[0]
    assert "gets no noise" in found.discrepancies[1]


def test_the_state_may_have_any_form():
    def step(key, state, h):
        (value,) = state
        return (value - h * value + jnp.sqrt(2 * h) * jax.random.normal(key, value.shape),)

    found = sk.audit(
        step,
        ou,
        to_state=lambda blocks: (blocks["x"],),
        from_state=lambda state: {"x": state[0]},
        states=3,
        chains=2048,
    )
    assert found.is_consistent


def test_implied_coefficients_agree_with_exact_ones_within_their_errors():
    """An exact Ornstein-Uhlenbeck step: drift -x and diffusion 1 up to the bias bound."""

    def exact(key, state, h):
        decay = jnp.exp(-h)
        return {"x": state["x"] * decay + jnp.sqrt(-jnp.expm1(-2 * h)) * jax.random.normal(key)}

    declared = declared_coefficients(ou, {}, None, None, {}, {})
    points = random_states(declared, 4, 0)
    sums = Sums(step_map(exact, declared, None, None, points[0]).flat, points, 0.05, 0)
    sums.add(40_000)
    found = sums.estimate()
    assert (abs(found.drift + points) < 4.5 * found.drift_error + found.drift_bias).all()
    assert (abs(found.diffusion - 1) < 4.5 * found.diffusion_error + found.diffusion_bias).all()


A = jnp.array([[1.0, 3.0], [0.0, 1.5]])
linear = sk.Dynamics(
    drift={
        sk.scalar("x"): -sk.scalar("x") - 3 * sk.scalar("y"),
        sk.scalar("y"): -sk.scalar("y") * 3 / 2,
    },
    diffusion={sk.scalar("x"): 1, sk.scalar("y"): 1},
)


def linear_step(covariance):
    def step(key, state, h):
        z = jnp.stack([state["x"], state["y"]])
        factor = jnp.linalg.cholesky(covariance)
        moved = jax.scipy.linalg.expm(-A * h) @ z + factor @ jax.random.normal(key, (2,))
        return {"x": moved[0], "y": moved[1]}

    return step


def test_an_exact_step_is_compared_at_a_finite_step():
    from sdekit.calculus.linear.linear_law import LinearSDE

    exact = jnp.asarray(LinearSDE(-A, jnp.eye(2)).transition(1.0).covariance)
    assert sk.audit(linear_step(exact), linear, step_size=1.0, exact=True).is_consistent


def test_the_covariance_of_a_symmetrized_drift_is_not_exact():
    """Twin: the eigenvalues of (A + A^T)/2 give the wrong law at h = 1."""
    symmetric = (A + A.T) / 2
    values, vectors = jnp.linalg.eigh(symmetric)
    wrong = vectors @ jnp.diag((1 - jnp.exp(-2 * values)) / values) @ vectors.T
    found = sk.audit(linear_step(wrong), linear, step_size=1.0, exact=True)
    assert found.verdict == "inconsistent"
    assert "covariance of one step of size 1" in found.discrepancies[0]


def test_only_linear_sdes_have_an_exact_step():
    cubic = sk.Dynamics({x: -(x**3)}, {x: 1})
    with pytest.raises(SimulationError, match="only a linear SDE"):
        sk.audit(lambda key, state, h: state, cubic, exact=True)


def test_terms_are_taken_apart():
    n = sk.dim("n")
    p, xi = sk.vector("p", n), sk.scalar("xi")
    assert [repr(t) for t in additive_terms(-(xi + 1) * p)] == ["-xi*p", "-1*p"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step_size": 0.0}, "step_size makes no sense"),
        ({"level": 2}, "level makes no sense"),
        ({"parameters": {"B": 1}}, "unknown parameter B"),
        ({"step": lambda key, state: state}, "cannot be called as step"),
        ({"step": lambda key, state, h: {}}, "cannot be called as step"),
        ({"step": lambda key, state, h: {"x": jnp.ones(3)}}, "another shape"),
        ({"step": lambda key, state, h: {"x": state["x"] * jnp.nan}}, "not finite"),
    ],
)
def test_bad_arguments_get_one_clear_error(arguments, message):
    step = arguments.pop("step", lambda key, state, h: state)
    with pytest.raises(SimulationError, match=message):
        sk.audit(step, ou, **arguments)


def test_missing_values_are_named():
    with pytest.raises(SimulationError, match="parameter mu has no value"):
        sk.audit(lambda k, s, h: s, sk.catalog.get("sgnht"), parameters={"A": 1.0})
    with pytest.raises(SimulationError, match="the unknown function U has no value"):
        sk.audit(lambda k, s, h: s, sk.catalog.get("sgnht"), parameters=VALUES)


def test_of_dependent_terms_the_combination_is_judged():
    """-a x - b x: the states tell a + b only; a step with another sum is found."""
    a, b = sk.parameter("a", positive=True), sk.parameter("b", positive=True)
    apart = sk.Dynamics({x: -a * x - b * x - x**3}, {x: 1})

    def audited(rate, draws):
        def step(key, state, h):
            y = state["x"]
            return {"x": y - h * (rate * y + y**3) + jnp.sqrt(2 * h) * jax.random.normal(key)}

        return sk.audit(step, apart, parameters={"a": 0.25, "b": 0.5}, chains=0, draws=draws)

    assert audited(0.75, 640_000).is_consistent
    assert audited(1.5, 80_000).verdict == "inconsistent"


def test_noise_that_two_entries_share_is_told_as_their_covariance():
    y = sk.scalar("y")
    plane = sk.Dynamics({x: -x, y: -y}, {x: 1, y: 1})

    def step(key, state, h):
        first, second = jax.random.normal(key, (2,))
        noise = {"x": first, "y": 0.6 * first + 0.8 * second}
        return {k: z * (1 - h) + jnp.sqrt(2 * h) * noise[k] for k, z in state.items()}

    found = sk.audit(step, plane, states=4, draws=40_000, chains=0)
    assert found.verdict == "inconsistent"
    assert all("the noise of" in text and "covariance 1.2" in text for text in found.discrepancies)


def test_a_claim_to_be_exact_is_held_at_the_times_of_the_rates():
    """A stiff and a slow direction; Euler-Maruyama is told, the exact step is not."""
    y = sk.scalar("y")
    stiff = sk.Dynamics({x: -50 * x, y: -y / 2}, {x: 50, y: 1})
    rates = {"x": (50.0, 50.0), "y": (0.5, 1.0)}

    def exact(key, state, h):
        noise = dict(zip("xy", jax.random.normal(key, (2,)), strict=True))
        spread = {k: jnp.sqrt(-jnp.expm1(-2 * r * h) * d / r) for k, (r, d) in rates.items()}
        return {k: jnp.exp(-rates[k][0] * h) * state[k] + spread[k] * noise[k] for k in "xy"}

    def slow_part_by_euler(key, state, h):
        moved = exact(key, state, h)
        noise = jnp.sqrt(2 * h) * jax.random.normal(key)
        return {**moved, "y": state["y"] * (1 - h / 2) + noise}

    options = {"exact": True, "states": 3, "draws": 20_000, "chains": 0}
    assert sk.audit(exact, stiff, **options).discrepancies == ()
    found = sk.audit(slow_part_by_euler, stiff, **options)
    assert found.step_sizes == pytest.approx((0.02, 2.0))
    assert found.verdict == "inconsistent"
