"""Expressions as JAX functions, against NumPy, SymPy components and finite differences."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

import sdekit as sk
from sdekit import catalog
from sdekit.errors import SimulationError
from sdekit.simulation.bind.jax_reader import Environment, compile_expression, evaluate

n, m = sk.dim("n"), sk.dim("m")
x, y = sk.vector("x", n), sk.vector("y", n)
s = sk.scalar("s")
M, N = sk.matrix("M", n), sk.matrix("N", n)
R = sk.parameter("R", m, n)
SIZES = {"n": 3, "m": 2}
CHAINS = 4


def values(seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"x": (3,), "y": (3,), "s": (), "M": (3, 3), "N": (3, 3)}
    batched = {name: rng.uniform(0.5, 1.5, (*shape, CHAINS)) for name, shape in shapes.items()}
    return batched, rng.uniform(0.5, 1.5, (2, 3))


#: Expression, and the same for one chain in NumPy.
CASES = {
    "sum and scalar times vector": (x + s * y - 2 * x, lambda v: v.x + v.s * v.y - 2 * v.x),
    "quotients": (x / s + y / 3 + x / y, lambda v: v.x / v.s + v.y / 3 + v.x / v.y),
    "powers": (x**3 + s**-2 * y, lambda v: v.x**3 + v.y / v.s**2),
    "root": (sk.sqrt(s) * x, lambda v: np.sqrt(v.s) * v.x),
    "matrix times vector": (M @ x, lambda v: v.M @ v.x),
    "constant matrix times vector": (R @ x, lambda v: v.R @ v.x),
    "vector times constant matrix": (x @ R.T, lambda v: v.x @ v.R.T),
    "matrix products": (M @ N.T @ x, lambda v: v.M @ v.N.T @ v.x),
    "constant between": (M @ (R.T @ (R @ x)), lambda v: v.M @ (v.R.T @ (v.R @ v.x))),
    "dot": (sk.dot(x, y) + n, lambda v: v.x @ v.y + 3),
    "dot of matrices": (sk.dot(M, N), lambda v: np.sum(v.M * v.N)),
    "outer": (sk.outer(x, y) @ x, lambda v: np.outer(v.x, v.y) @ v.x),
    "trace": (sk.trace(M @ N), lambda v: np.trace(v.M @ v.N)),
    "diag of a vector": (sk.diag(x) @ y, lambda v: np.diag(v.x) @ v.y),
    "diag of a matrix": (sk.diag(M), lambda v: np.diag(v.M)),
    "eye": ((M + s * sk.eye(n)) @ x, lambda v: (v.M + v.s * np.eye(3)) @ v.x),
    "ones": (x + s * sk.ones(n), lambda v: v.x + v.s * np.ones(3)),
    "inverse": (sk.inv(M) @ x, lambda v: np.linalg.inv(v.M) @ v.x),
    "logdet": (
        sk.logdet(M @ M.T + sk.eye(n)),
        lambda v: np.linalg.slogdet(v.M @ v.M.T + np.eye(3))[1],
    ),
    "elementary": (sk.exp(x) * sk.sin(y), lambda v: np.exp(v.x) * np.sin(v.y)),
    "gradient of a dot": (sk.grad(sk.dot(x, M @ x), x), lambda v: (v.M + v.M.T) @ v.x),
    "gradient of a vector": (sk.grad(M @ x, x) @ y, lambda v: v.M @ v.y),
    "divergence": (sk.div(s * x * sk.dot(x, x), x), lambda v: v.s * 5 * (v.x @ v.x)),
    "divergence of a matrix field": (
        sk.div(sk.outer(y, x) * sk.dot(x, x), x), lambda v: v.y * 5 * (v.x @ v.x),
    ),
}  # fmt: skip


class One:
    """Values of one chain by attribute."""

    def __init__(self, batched, matrix, chain):
        self.__dict__.update({name: value[..., chain] for name, value in batched.items()})
        self.R = matrix


@pytest.mark.parametrize("name", CASES)
def test_expressions_have_their_value_in_every_chain(name):
    expression, reference = CASES[name]
    batched, matrix = values()
    given = {k: jnp.asarray(v, jnp.float32) for k, v in batched.items()}
    found = evaluate(expression, Environment({**given, "R": matrix.astype("f4")}, SIZES))
    for chain in range(CHAINS):
        expected = reference(One(batched, matrix, chain))
        assert np.allclose(np.asarray(found)[..., chain], expected, rtol=3e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["matrix products", "divergence", "quotients", "logdet"])
def test_a_single_chain_has_no_extra_axis(name):
    expression, reference = CASES[name]
    batched, matrix = values()
    given = {k: jnp.asarray(v[..., 0], jnp.float32) for k, v in batched.items()}
    found = evaluate(expression, Environment({**given, "R": matrix.astype("f4")}, SIZES))
    assert np.shape(found) == tuple(SIZES[d.name] for d in expression.shape)
    assert np.allclose(found, reference(One(batched, matrix, 0)), rtol=3e-5, atol=1e-5)


def test_the_derivative_by_a_symmetric_matrix_is_the_projected_one():
    symmetric = sk.matrix("X", n, symmetric=True)
    gradient = sk.grad(sk.dot(N, symmetric), symmetric)
    batched, _ = values()
    own = batched["N"][..., 0].astype("f4")
    given = {"X": jnp.eye(3), "N": own}
    found = evaluate(gradient, Environment(given, SIZES))
    assert np.allclose(found, (own + own.T) / 2, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["sgnht", "sgnht-matrix", "gle", "langevin-relativistic", "mclmc-2d"]
)
def test_drift_and_diffusion_agree_with_the_components_of_the_declaration(name):
    dynamics = catalog.get(name)
    sizes = {dim.name: 2 for dim in dynamics.dimensions}
    components = dynamics.at(**sizes)
    rng = np.random.default_rng(3)
    point = {symbol: rng.uniform(0.5, 1.5) for symbol in components.coordinates}
    blocks = {}
    for variable, places in components.variables:
        entries = [point[components.coordinates[i]] for i in places]
        shape = tuple(sizes[d.name] for d in variable.shape)
        blocks[variable.name] = jnp.asarray(np.reshape(entries, shape), jnp.float32)
    for parameter in dynamics.parameters:
        blocks[parameter.name] = rng.uniform(
            0.5, 1.5, tuple(sizes[d.name] for d in parameter.shape)
        )
    names = {
        symbol: blocks[str(symbol).split("_")[0]][
            tuple(int(i) - 1 for i in str(symbol).split("_")[1:])
        ]
        for symbol in components.parameters
        if str(symbol).split("_")[0] in blocks
    }
    potential = {"U": lambda *q: sum(jnp.sum(jnp.sin(b)) for b in q)}
    environment = Environment(blocks, sizes, potential)
    for variable, places in components.variables:
        found = np.asarray(evaluate(dynamics.drift[variable], environment)).ravel()
        for entry, place in zip(np.broadcast_to(found, len(places)), places, strict=True):
            exact = components.drift[place].subs({**point, **names})
            exact = exact.replace(
                lambda e: isinstance(e, sp.Derivative), lambda e: sp.Symbol("force")
            )
            moved = [c for c in components.coordinates if exact.has(sp.Symbol("force"))]
            if moved:
                continue
            assert float(exact) == pytest.approx(float(entry), rel=2e-5, abs=2e-5)


def test_an_expression_is_a_function_of_its_values():
    function = compile_expression(sk.dot(x, x) * s, {"n": 2})
    assert float(function({"x": jnp.array([1.0, 2.0]), "s": jnp.array(3.0)})) == 15.0


def test_a_missing_value_is_named():
    with pytest.raises(SimulationError, match="parameter R has no value"):
        evaluate(R @ x, Environment({"x": jnp.ones(3)}, SIZES))
    with pytest.raises(SimulationError, match="function U is not given"):
        evaluate(sk.potential("U", x), Environment({"x": jnp.ones(3)}, SIZES))
    with pytest.raises(SimulationError, match="size of dimension n is not known"):
        evaluate(sk.dot(x, x) + n, Environment({"x": jnp.ones(3)}, {}))
    with pytest.raises(SimulationError, match="depends on the time"):
        evaluate(sk.time * s, Environment({"s": jnp.ones(())}, {}))


@pytest.mark.parametrize(
    ("constant", "value"),
    [
        (sk.sqrt(2), math.sqrt(2)),
        (sk.exp(1), math.e),
        (sk.cos(1) / sk.log(3), math.cos(1) / math.log(3)),
        (sk.sqrt(sk.parameter("two", value=2)), math.sqrt(2)),
        (sk.sqrt(2) ** sk.sqrt(2), math.sqrt(2) ** math.sqrt(2)),
    ],
)
def test_a_function_of_constants_stays_a_number_in_double_precision_while_jax_traces(
    constant, value
):
    found = []

    def traced(x):
        found.append(evaluate(constant, Environment({})))
        return x

    jax.jit(traced)(0.0)
    assert found == [pytest.approx(value, rel=4e-16)] and isinstance(found[0], float)


def test_a_root_of_a_negative_number_is_no_number():
    minus = sk.parameter("minus", value=-2)
    assert math.isnan(evaluate(sk.sqrt(minus), Environment({})))
    assert math.isnan(evaluate(minus ** Fraction(3, 2), Environment({})))


@pytest.mark.parametrize("scheme", [None, "EM", "euler"])
def test_the_textbook_declaration_with_a_root_of_two_runs(scheme):
    x = sk.scalar("x")
    ou = sk.Dynamics(drift={x: -x}, noise={x: sk.sqrt(2)}, hamiltonian=x**2 / 2)
    run = sk.simulate(
        ou, 0.0, step_size=0.1, steps=4000, thin=20, burn_in=200, chains=50, scheme=scheme
    )
    # Euler-Maruyama's own variance at h = 0.1; the exact flow has 1.
    exact = 1 / (1 - 0.05) if run.scheme != "O" else 1.0
    # 10,000 draws whose squares have the correlation e^{-4} from one to the next.
    error = exact * math.sqrt(2 / 10_000 * (1 + math.exp(-4)) / (1 - math.exp(-4)))
    assert abs(np.mean(np.asarray(run.samples["x"], float) ** 2) - exact) < 4.5 * error
