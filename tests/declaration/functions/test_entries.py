"""Words over entries mean the same in every reading: text, components, JAX, proof."""

import jax.numpy as jnp
import numpy as np
import pytest
import sympy as sp

import sdekit as sk
from sdekit.calculus.contraction.lowering import lower
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.text.latex import latex_text
from sdekit.declaration.text.parser import parse_expression
from sdekit.declaration.text.unicode_text import unicode_text
from sdekit.declaration.tree.abbreviations import spelled_out
from sdekit.errors import DeclarationError, ModelFileError
from sdekit.simulation.bind.jax_reader import compile_expression

n, k = sk.dim("n"), sk.dim("k")
x, y, X = sk.vector("x", n), sk.vector("y", n), sk.matrix("X", k, n)
s, t = sk.scalar("s"), sk.scalar("t")
z = sk.vector("z", k)
F, G = sk.potential("F", sk.vector("r", n)), sk.potential("G", sk.scalar("r"), even=True)
SCOPE = {"n": n, "k": k, "x": x, "y": y, "X": X, "s": s, "t": t, "z": z,
         "F": F.function, "G": G.function}  # fmt: skip


def f(r):
    """The function that stands for F in numbers."""
    return r[0] ** 2 + 3 * r[1] - r[0] * r[1]


def g(r):
    """The function that stands for G: even."""
    return r**4 - 2 * r**2


def _pairs(function, rows):
    size = len(rows)
    table = np.zeros((size, size))
    for i, j in zip(*np.triu_indices(size, 1), strict=True):
        table[i, j] = table[j, i] = function(rows[i] - rows[j])
    return table


#: text, the value in NumPy.
WORDS = {
    "max(x, y)": lambda v: np.maximum(v["x"], v["y"]),
    "min(x, y)": lambda v: np.minimum(v["x"], v["y"]),
    "max(x, 0)": lambda v: np.maximum(v["x"], 0),
    "min(s, t)": lambda v: np.minimum(v["s"], v["t"]),
    "max(X)": lambda v: v["X"].max(),
    "min(x)": lambda v: v["x"].min(),
    "sum(X)": lambda v: v["X"].sum(),
    "norm(X)": lambda v: np.sqrt((v["X"] ** 2).sum()),
    "logsumexp(x)": lambda v: np.log(np.exp(v["x"]).sum()),
    "relu(x)": lambda v: np.maximum(v["x"], 0),
    "softplus(s*x)": lambda v: np.log1p(np.exp(v["s"] * v["x"])),
    "where(x > y, x, 2*y)": lambda v: np.where(v["x"] > v["y"], v["x"], 2 * v["y"]),
    "where(s <= t, x, -y)": lambda v: np.where(v["s"] <= v["t"], v["x"], -v["y"]),
    "where(s >= t, s, 0)": lambda v: np.where(v["s"] >= v["t"], v["s"], 0),
    "where(s < t, 1, 0)": lambda v: np.where(v["s"] < v["t"], 1, 0),
    "rows(F, X)": lambda v: np.array([f(row) for row in v["X"]]),
    "rows(G, z)": lambda v: g(v["z"]),
    "pairs(F, X)": lambda v: _pairs(f, v["X"]),
    "pairs(G, z)": lambda v: _pairs(g, v["z"]),
}
EACH = pytest.mark.parametrize("text", list(WORDS))


def _point():
    # Binary fractions, so that SymPy, NumPy and JAX start from one number.
    source = np.random.default_rng(3)
    shapes = {"x": (2,), "y": (2,), "X": (3, 2), "z": (3,), "s": (), "t": ()}
    return {name: source.integers(-40, 40, shape) / 16 for name, shape in shapes.items()}


@EACH
def test_the_text_reads_back_as_the_same_tree(text):
    node = parse_expression(text, SCOPE)
    assert repr(node) == text
    assert parse_expression(repr(2 * node / 3), SCOPE) == 2 * node / 3
    assert latex_text(node) and unicode_text(node)


def _number(entry, values):
    names = {"F": lambda *r: f(r), "G": g}
    result = entry.replace(
        lambda e: isinstance(e, sp.core.function.AppliedUndef),
        lambda e: names[e.func.__name__](*e.args),
    )
    return float(result.subs(values))


@EACH
def test_components_agree_with_numpy(text):
    node, point = parse_expression(text, SCOPE), _point()
    reader = ComponentReader({"n": 2, "k": 3})
    values = {}
    for variable in (x, y, X, z, s, t):
        for index in reader.indices(variable.shape):
            exact = sp.Rational(str(point[variable.name][index]))
            values[reader.coordinate(variable, index)] = exact
    found = np.vectorize(lambda entry: _number(entry, values), otypes=[float])(reader.array(node))
    np.testing.assert_allclose(found, WORDS[text](point), rtol=1e-12, atol=1e-12)


@EACH
def test_jax_agrees_with_numpy_for_one_chain_and_for_many(text):
    node, point = parse_expression(text, SCOPE), _point()
    run = compile_expression(node, {"n": 2, "k": 3}, {"F": f, "G": g})
    values = {name: jnp.asarray(value, jnp.float32) for name, value in point.items()}
    # Five operations in single precision, each good to 6e-8 of numbers below 40.
    close = {"rtol": 2e-5, "atol": 2e-5}
    np.testing.assert_allclose(run(values), WORDS[text](point), **close)
    other = {name: -value for name, value in point.items()}
    many = {name: jnp.stack([values[name], -values[name]], axis=-1) for name in values}
    both = np.asarray(run(many))
    if both.ndim > node.ndim:
        np.testing.assert_allclose(both[..., 0], WORDS[text](point), **close)
        np.testing.assert_allclose(both[..., 1], WORDS[text](other), **close)


@EACH
def test_the_meaning_is_what_proofs_read(text):
    node = parse_expression(text, SCOPE)
    if text in ("max(X)", "min(x)") or text.startswith(("rows", "pairs")):
        with pytest.raises(Exception, match="given size"):
            lower(node)
    else:
        assert lower(node) == lower(spelled_out(node))


@pytest.mark.parametrize(
    ("text", "message"),
    [("max(x, s)", "different shapes"), ("max(s)", "entries of a tensor"), ("max(x, x, x)", "nest"),
     ("sum(s)", "entries of a tensor"), ("where(x, s, t)", "comparison"), ("s > t", "syntax error"),
     ("where(x > y, s, t)", "different shapes"), ("rows(F, x)", "function of one row"),
     ("rows(x, X)", "unknown function"), ("pairs(X)", "."), ("where(s > t > s, s, t)", "'\\)'|','"),
     ("norm()", "arguments"), ("relu(s, t)", "arguments"), ("where(s == t, s, t)", "character")],
)  # fmt: skip
def test_a_mistake_is_named(text, message):
    with pytest.raises(ModelFileError, match=message):
        parse_expression(text, SCOPE)


def test_a_comparison_has_no_truth_value():
    with pytest.raises(DeclarationError, match="no truth value"):
        bool(s > t)
    with pytest.raises(DeclarationError, match=r"sk\.max"):
        max(s, t)
    assert repr(sk.where(s > t, s, t)) == "where(s > t, s, t)"
    assert repr(sk.max(s, t) + sk.min(s, t)) == "max(s, t) + min(s, t)"
    made = [sk.sum(x), sk.norm(x), sk.logsumexp(x), sk.relu(s), sk.softplus(s), sk.rows(F, X),
            sk.pairs(G, z)]  # fmt: skip
    texts = "sum(x) norm(x) logsumexp(x) relu(s) softplus(s) rows(F, X) pairs(G, z)"
    assert ", ".join(map(repr, made)) == texts.replace(") ", "), ")


def _gradient_flow(energy, **options):
    return sk.Dynamics(
        drift={x: -sk.grad(energy, x)}, diffusion={x: sk.eye(n)}, hamiltonian=energy, **options
    )


@pytest.mark.parametrize(
    "energy",
    [sk.logsumexp(x) + sk.dot(x, x), sk.sum(sk.softplus(x)) + sk.dot(x, x),
     sk.sum(x * x) / 2, sk.sum(sk.relu(x)) + sk.dot(x, x), sk.sum(sk.max(x, 0)) + sk.dot(x, x)],
)  # fmt: skip
def test_a_gradient_flow_is_stationary_for_every_size(energy):
    flow = _gradient_flow(energy)
    assert sk.loads(flow.to_toml()) == flow
    assert sk.verify(flow).checks["stationarity"].verdict.value == "proved"


def test_a_wrong_drift_is_refuted():
    """Twin: the drift of another energy."""
    wrong = sk.Dynamics(
        drift={x: -2 * x}, diffusion={x: sk.eye(n)}, hamiltonian=sk.logsumexp(x) + sk.dot(x, x)
    )
    assert sk.verify(wrong).verdict.value == "refuted"


@pytest.mark.parametrize(
    "rough", [sk.where(s > 0, 1, 2), sk.where(s > 1, s, 3 * s), sk.max(s, 1 - s), sk.relu(s - 1)]
)
def test_kinks_and_jumps_reach_regularity(rough):
    """A constant H and a current that is a rough function of s: no residual away from its edges."""
    from sdekit.verifier.currents.smoothness import rough_parts

    assert list(rough_parts(spelled_out(rough)))
    assert list(rough_parts(rough))


def test_a_jump_of_the_density_is_no_proof():
    """OU whose energy has a step: the residual vanishes on both sides, the flux does not."""
    energy = s**2 / 2 + sk.where(s > 0, 1, 0)
    step = sk.Dynamics(drift={s: -s}, diffusion={s: 1}, hamiltonian=energy)
    assert sk.verify(step).verdict.value != "proved"
    assert sk.verify(step).checks["regularity"].verdict.value != "proved"


def test_the_largest_entry_in_an_energy_is_proved_and_its_uniqueness_says_what_is_open():
    found = sk.verify(_gradient_flow(sk.max(x) + sk.dot(x, x)))
    assert found.verdict.value == "proved" and found.scope == "all n"
    assert "every size" in found.checks["uniqueness"].reason
    twin = sk.Dynamics(
        drift={x: -2 * sk.grad(sk.max(x) + sk.dot(x, x), x)}, diffusion={x: sk.eye(n)},
        hamiltonian=sk.max(x) + sk.dot(x, x),
    )  # fmt: skip
    assert sk.verify(twin).verdict.value == "refuted"


def test_rows_and_pairs_are_proved_and_the_assumption_is_written_with_them():
    # Nothing is declared of P: a counterexample may choose it.
    P = sk.potential("P", sk.scalar("r"))
    energy = sk.sum(sk.rows(P, z)) + sk.sum(sk.pairs(P, z)) / 2
    flow = sk.Dynamics(drift={z: -sk.grad(energy, z)}, diffusion={z: sk.eye(k)}, hamiltonian=energy)
    assert sk.loads(flow.to_toml()) == flow
    found = sk.verify(flow)
    assert found.verdict.value == "proved" and found.scope == "all n"
    assert "sum(rows(P, z)) + sum(pairs(P, z))/2" in found.assumptions[-1]
    assert "row_sum" not in str(found)
    assert sk.verify(flow, n=2).checks["stationarity"].verdict.value == "proved"
    broken = sk.Dynamics(
        drift={z: -2 * sk.grad(energy, z)}, diffusion={z: sk.eye(k)}, hamiltonian=energy
    )
    assert sk.verify(broken, n=2).checks["stationarity"].verdict.value == "refuted"
