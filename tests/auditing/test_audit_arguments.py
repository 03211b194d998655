"""Wrong arguments of an audit get one clear error: what, expected, found, and how to mend it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.auditing.audit_checks import StepMap, broken_chain
from sdekit.errors import SimulationError

langevin, overdamped = sk.catalog.get("langevin"), sk.catalog.get("overdamped")
FAST = {"states": 4, "draws": 20_000, "chains": 0}


def normal(theta):
    return theta @ theta / 2


def euler(key, state, h):
    theta, p = state["theta"], state["p"]
    noise = jnp.sqrt(2 * h) * jax.random.normal(key, p.shape)
    return {"theta": theta + h * p, "p": p - h * (p + theta) + noise}


def audited(step=euler, dynamics=langevin, **options):
    given = {"potential": normal, "parameters": {"A": 1.0}, **FAST, **options}
    return sk.audit(step, dynamics, **given)


def swapped(state):
    theta, p = state["theta"], state["p"]
    return {"theta": jnp.concatenate([theta, p[:1]]), "p": p[1:]}


def raising(key, state, h):
    raise RuntimeError("no")


#: What is given, the words that the error begins with, and its fix.
CASES = [
    ({"dynamics": "langevin"}, "the dynamics is no Dynamics", "declare it"),
    ({"step": 3}, "step is no function", "can be called"),
    ({"from_state": 3}, "from_state is no function", "can be called"),
    ({"step_size": float("nan")}, "step_size makes no sense", "a positive number"),
    ({"step_size": -0.1}, "step_size makes no sense", "a positive number"),
    ({"step_size": "small"}, "step_size makes no sense", "a positive number"),
    ({"step_size": jnp.ones(3)}, "step_size makes no sense", "a positive number"),
    ({"chains": -1}, "chains makes no sense", "a whole number"),
    ({"chains": 256.5}, "chains makes no sense", "a whole number"),
    ({"chains": True}, "chains makes no sense", "a whole number"),
    ({"chains": "a"}, "chains makes no sense", "a whole number"),
    ({"draws": 5e4}, "draws makes no sense", "a whole number"),
    ({"states": 4.5}, "states makes no sense", "a whole number"),
    ({"seed": -1}, "seed makes no sense", "a whole number"),
    ({"seed": None}, "seed makes no sense", "a whole number"),
    ({"sizes": {"n": 0}}, "the size of n makes no sense", "at least 1"),
    ({"sizes": {"n": 2.5}}, "the size of n makes no sense", "at least 1"),
    ({"sizes": {"m": 3}}, "the dynamics has no dimension m", "name a dimension"),
    ({"position": 0.0}, "the position does not fit theta", "or sizes"),
    ({"position": {"a": 1}}, "the position does not fit theta", "or sizes"),
    ({"position": jnp.zeros(3), "sizes": {"n": 2}}, "sizes and position contradict", "one of them"),
    ({"potential": "x**2"}, "potential is no function", "can be called"),
    ({"potential": lambda q: q**2}, "the function U returns something else", "a sum"),
    ({"potential": lambda q: None}, "the function U cannot be called", "takes such blocks"),
    ({"potential": lambda q: q @ jnp.ones(7)}, "the function U cannot be called", "such blocks"),
    ({"potential": lambda q: 1 / 0}, "the function U cannot be called", "such blocks"),
    ({"potential": lambda q: float(np.sum(q))}, "the function U cannot be called", "jax.numpy"),
    ({"potential": lambda q: jnp.sum(q) * jnp.nan}, "the term -grad", "finite there"),
    ({"functions": {"V": normal}}, "the dynamics has no unknown function V", "name an unknown"),
    ({"functions": {"U": 3}}, "the function U is no function", "can be called"),
    ({"parameters": {"A": "x"}}, "parameter A is no number", "give a number"),
    ({"parameters": {"A": jnp.ones(3)}}, "parameter A has the wrong shape", "axes"),
    ({"parameters": {"A": float("nan")}}, "parameter A is not finite", "finite numbers"),
    ({"parameters": {"A": -1.0}}, "the value of parameter A contradicts", "of that kind"),
    ({"step": raising}, "the step cannot be called", "by itself"),
    ({"step": lambda k, s, h: 1 / 0}, "the step cannot be called", "by itself"),
    ({"step": lambda k, s, h: None}, "the step cannot be called", "from_state"),
    (
        {"step": lambda k, s, h: s if h > 0.1 else euler(k, s, h)},
        "the step cannot be called",
        "jnp.where",
    ),
    (
        {"step": lambda k, s, h: {**s, "theta": s["theta"] + float(s["p"][0])}},
        "the step cannot be called",
        "jnp.where instead of if",
    ),
    (
        {"step": lambda k, s, h: {**s, "theta": np.asarray(s["theta"])}},
        "the step cannot be called",
        "write it with jax.numpy",
    ),
    (
        {"step": lambda k, s, h: jax.tree.map(lambda a: a + 0j, s)},
        "the step returns complex numbers for the block theta",
        "the real part",
    ),
    ({"from_state": swapped}, "the step returns the block theta with another shape", "from_state"),
]


@pytest.mark.parametrize(("options", "what", "fix"), CASES)
def test_a_wrong_argument_gets_one_clear_error(options, what, fix):
    with pytest.raises(SimulationError, match="^" + what) as caught:
        audited(**options)
    assert caught.value.expected is not None
    assert caught.value.found is not None
    assert caught.value.fix is not None
    assert fix in caught.value.fix


def test_right_arguments_get_none():
    """Twin: numbers of NumPy, a size from the position, and a function by name."""
    found = audited(
        potential=None,
        functions={"U": normal},
        position=np.zeros(1),
        seed=np.int64(1),
        step_size=np.float32(0.02),
    )
    assert found.discrepancies == ()


def test_a_block_may_have_axes_of_length_one():
    x = sk.scalar("x")
    ou = sk.Dynamics({x: -x}, {x: 1})

    def step(key, state, h):
        return {"x": state["x"] * (1 - h) + jnp.sqrt(2 * h) * jax.random.normal(key, (1,))}

    assert sk.audit(step, ou, **FAST).discrepancies == ()


def test_a_step_that_raises_from_its_own_result_is_told():
    def move(key, state, h):
        raise RuntimeError("no")

    reason = broken_chain(StepMap(lambda z: z, move, lambda z: z), np.zeros(1, np.float32))
    assert reason == "the step cannot go on from its own result: RuntimeError"


def exact(key, state, h):
    theta = state["theta"]
    noise = jnp.sqrt(-jnp.expm1(-2 * h)) * jax.random.normal(key, theta.shape)
    return {"theta": theta * jnp.exp(-h) + noise}


@pytest.mark.parametrize("size", [2, 12])
def test_an_exact_step_of_any_dimension_needs_three_states(size):
    found = sk.audit(
        exact,
        overdamped,
        potential=normal,
        sizes={"n": size},
        exact=True,
        step_size=0.3,
        states=3,
        draws=5000,
        chains=0,
    )
    assert found.is_consistent


def test_a_nonlinear_sde_is_refused_with_three_states():
    """Twin: the check of linearity does not grow blind with the dimension."""
    with pytest.raises(SimulationError, match="only a linear SDE"):
        sk.audit(
            exact,
            overdamped,
            potential=lambda q: jnp.sum(q**4),
            sizes={"n": 12},
            exact=True,
            states=3,
        )
