"""The pure pair init / step, and what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit import catalog
from sdekit.errors import SimulationError


def potential(tree):
    return jnp.sum(tree["w"] ** 2) / 2 + jnp.sum(tree["b"] ** 4)


@pytest.fixture(scope="module")
def sampler():
    return sk.sampler(
        catalog.get("sgnht"),
        potential=potential,
        parameters={"A": 1.0, "mu": 10.0},
        scheme="BADODAB",
    )


POSITION = {"w": jnp.ones(3), "b": jnp.zeros((2, 2))}


def test_steps_are_pure_and_can_be_scanned_and_vmapped(sampler):
    state = sampler.init(jax.random.key(0), POSITION)
    keys = jax.random.split(jax.random.key(1), 6)

    @jax.jit
    def scanned(state, keys):
        return jax.lax.scan(lambda s, k: (sampler.step(k, s, 0.1), None), state, keys)[0]

    by_hand = state
    for key in keys:
        by_hand = sampler.step(key, by_hand, 0.1)
    at_once = scanned(state, keys)
    assert jax.tree.structure(at_once) == jax.tree.structure(state)
    for one, other in zip(jax.tree.leaves(by_hand), jax.tree.leaves(at_once), strict=True):
        assert np.allclose(one, other, rtol=0, atol=1e-6)
    many = jax.tree.map(lambda x: jnp.stack([x, x]), state)
    moved = jax.jit(jax.vmap(sampler.step, (0, 0, None)))(keys[:2], many, 0.1)
    alone = sampler.step(keys[0], state, 0.1)
    assert np.allclose(moved.position["w"][0], alone.position["w"], atol=1e-6)
    assert not np.allclose(moved.position["w"][0], moved.position["w"][1])


def test_double_precision_steps_have_double_precision(thermostat):
    sampler = sk.sampler(
        thermostat, potential=lambda q: q**2, parameters={"A": 1.0, "mu": 1.0}, precision="float64"
    )
    state = sampler.init(jax.random.key(0), 0.3)
    state = sampler.step(jax.random.key(1), state, 0.1)
    assert state.position.dtype == np.float64


def test_a_sympy_potential_runs_as_its_jax_function_does(thermostat, double_well):
    import sympy as sp

    theta = sp.Symbol("theta")
    symbolic = (theta**4 + theta**3 - 13 * theta**2 - theta + 12) / 14 + sp.Rational(1, 2)
    options = {"parameters": {"A": 1.0, "mu": 1.0}, "step_size": 0.01, "steps": 50}
    one = sk.simulate(thermostat, 0.1, potential=symbolic, **options).samples["theta"]
    other = sk.simulate(thermostat, 0.1, potential=double_well.potential, **options).samples[
        "theta"
    ]
    assert np.allclose(one, other, rtol=0, atol=1e-5)


def test_a_stratonovich_declaration_runs_as_its_ito_form():
    x = sk.scalar("x")
    stratonovich = sk.Dynamics(drift={x: 0 * x}, noise={x: x / 2}, interpretation="stratonovich")
    ito = sk.Dynamics(drift={x: x / 8}, noise={x: x / 2})
    one, other = (
        sk.simulate(d, 1.0, step_size=0.01, steps=100, seed=2).samples["x"]
        for d in (stratonovich, ito)
    )
    assert np.allclose(one, other, rtol=1e-5)


def test_coefficients_may_read_the_time():
    x = sk.scalar("x")
    driven = sk.Dynamics(drift={x: sk.time}, diffusion={x: 0})
    run = sk.simulate(driven, 0.0, step_size=0.5, steps=6, scheme="EM")
    # Euler's sum of t h over t = 0, h, 2h, ...
    assert np.allclose(run.samples["x"][0], np.cumsum(np.arange(6) * 0.5) * 0.5)
    # The default word reads t in the middle of each step, which is exact for a line.
    run = sk.simulate(driven, 0.0, step_size=0.5, steps=6)
    assert np.allclose(run.samples["x"][0], (np.arange(1, 7) * 0.5) ** 2 / 2)
    with pytest.raises(SimulationError, match="depends on the time"):
        sampler = sk.sampler(driven)
        sampler.step(jax.random.key(0), sampler.init(jax.random.key(0), 0.0), 0.1)


def wrong(**options):
    given = {"potential": potential, "parameters": {"A": 1.0, "mu": 1.0}, **options}
    return sk.sampler(catalog.get("sgnht"), **given)


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("parameter mu has no value", {"parameters": {"A": 1.0}}),
        ("unknown parameter B", {"parameters": {"A": 1.0, "mu": 1.0, "B": 2.0}}),
        ("parameter A has the wrong shape", {"parameters": {"A": np.ones(2), "mu": 1.0}}),
        ("parameter A is no number", {"parameters": {"A": "one", "mu": 1.0}}),
        ("parameter A is not finite", {"parameters": {"A": np.nan, "mu": 1.0}}),
        ("contradicts its declaration: expected positive", {"parameters": {"A": 1.0, "mu": -1.0}}),
        ("the potential U is not given", {"potential": None}),
        ("the potential does not return a scalar", {"potential": lambda t: t["w"]}),
        (
            "the potential fails at the position given.*found KeyError",
            {"potential": lambda t: t["v"]},
        ),
        ("the potential U is of no known kind", {"potential": 3.0}),
        ("unknown function V", {"functions": {"V": potential}}),
        ("unknown dimension m", {"sizes": {"m": 3}}),
        ("dimension n has two sizes", {"sizes": {"n": 3}}),
    ],
)
def test_what_does_not_fit_is_told_before_anything_runs(message, options):
    with pytest.raises(SimulationError, match=message) as caught:
        wrong(**options).init(jax.random.key(0), POSITION)
    assert "\n" not in str(caught.value)


def test_positions_of_several_variables_are_given_by_name():
    x, y = sk.scalar("x"), sk.vector("y", 2)
    pair = sk.Dynamics(drift={x: -x, y: -y}, diffusion={x: 1, y: 1})
    sampler = sk.sampler(pair, scheme="EM")
    state = sampler.init(jax.random.key(0), {"y": np.array([1.0, 2.0]), "x": 3.0})
    assert float(state.position["x"]) == 3.0
    for position, message in [
        ({"x": 1.0}, "does not name the target variables"),
        ({"x": 1.0, "y": np.zeros(2), "z": 0.0}, "does not name the target variables"),
        ({"x": np.zeros(2), "y": np.zeros(2)}, "position of x has the wrong shape"),
        (1.0, "does not fit the target variables"),
        ({}, "the position is empty"),
    ]:
        with pytest.raises(SimulationError, match=message):
            sampler.init(jax.random.key(0), position)


def test_a_wrong_step_size_is_refused(sampler):
    state = sampler.init(jax.random.key(0), POSITION)
    with pytest.raises(SimulationError, match="the step size is wrong"):
        sampler.step(jax.random.key(0), state, -0.1)
    with pytest.raises(SimulationError, match="a scheme is named by text"):
        sk.sampler(catalog.get("sgnht"), scheme=3)
    with pytest.raises(SimulationError, match="this is no dynamics"):
        sk.sampler("sgnht")


N = sk.dim("n")
THETA = sk.vector("theta", N)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda q: jnp.sum(q), r"function S returns .*shape \(3, 3\), found float32 of shape \(\)"),
        (lambda q: q, r"function S returns .*shape \(3, 3\), found float32 of shape \(3,\)"),
        (lambda q: 1j * jnp.diag(q), r"function S returns .*found complex64 of shape \(3, 3\)"),
        (lambda q, p: jnp.diag(q), r"function S fails: .*blocks theta \(3,\), found TypeError"),
        (lambda q: jnp.diag(q["a"]), r"function S fails: .*blocks theta \(3,\), found TypeError"),
    ],
)
def test_functions_of_another_shape_than_declared_are_refused(function, message):
    """Seven chains, which an array of another shape must not be taken for."""
    noise = sk.function("S", THETA, shape=(N, N), symmetric=True)
    dynamics = sk.Dynamics(drift={THETA: -noise @ THETA}, diffusion={THETA: 1})
    options = {"step_size": 0.1, "steps": 2, "chains": 7, "scheme": "EM"}
    with pytest.raises(SimulationError, match=message):
        sk.simulate(dynamics, jnp.ones(3), functions={"S": function}, **options)
    # Twin: what is declared runs.
    run = sk.simulate(dynamics, jnp.ones(3), functions={"S": lambda q: jnp.eye(3)}, **options)
    assert run.samples["theta"].shape == (7, 2, 3)


def test_a_scalar_function_of_another_shape_is_refused():
    energy = sk.potential("V", THETA)
    dynamics = sk.Dynamics(drift={THETA: -sk.grad(energy, THETA)}, diffusion={THETA: 1})
    with pytest.raises(SimulationError, match=r"V returns .*shape \(\), found .* \(3,\)"):
        sk.simulate(dynamics, jnp.ones(3), functions={"V": lambda q: q**2}, step_size=0.1, steps=2)


def test_auxiliary_variables_of_another_shape_are_refused(sampler):
    start = {"step_size": 0.1, "steps": 2, "chains": 7}
    with pytest.raises(SimulationError, match=r"start of p has the wrong shape.*found \(7, 8\)"):
        sk.simulate(sampler, POSITION, auxiliary={"p": jnp.ones((7, 8))}, **start)
    with pytest.raises(SimulationError, match=r"auxiliary is no dictionary.*found list"):
        sk.simulate(sampler, POSITION, auxiliary=[1.0], **start)


@pytest.mark.parametrize("scheme", ["BAOAB", "HMC", "EM"])
@pytest.mark.parametrize("chains", [None, 3])
def test_a_position_put_in_place_of_the_states_has_its_gradient_renewed(scheme, chains):
    """The step from there is that of a state which began there."""
    name = "hamiltonian" if scheme == "HMC" else "langevin"
    values = {} if scheme == "HMC" else {"A": 1.0}
    sampler = sk.sampler(
        sk.catalog.get(name), potential=lambda q: jnp.sum(q**4), parameters=values, scheme=scheme
    )
    one = lambda key, place: sampler.init(key, place, {"p": jnp.ones(2)})  # noqa: E731
    step = lambda key, state: sampler.step(key, state, 0.1)  # noqa: E731
    keys = jax.random.key(1) if chains is None else jax.random.split(jax.random.key(1), chains)
    if chains is not None:
        one, step = jax.vmap(one), jax.vmap(step)
    shape = (2,) if chains is None else (chains, 2)
    moved = step(keys, one(keys, jnp.zeros(shape))._replace(position=jnp.full(shape, 0.7)))
    right = step(keys, one(keys, jnp.full(shape, 0.7)))
    assert np.array_equal(moved.position, right.position)
    # Twin: without the renewal the old gradient would be taken.
    stale = one(keys, jnp.zeros(shape))._replace(position=jnp.full(shape, 0.7), origin=None)
    if scheme != "EM":
        assert not np.array_equal(step(keys, stale).position, right.position)
