"""Components at given sizes against formulas written out by hand."""

import pytest
import sympy as sp

import sdekit as sk
from sdekit.errors import DeclarationError
from tests.declaration.model.models import sgnht


def residual(components):
    """MATH A.0 with SymPy's own scalar derivatives."""
    z, v, H = components.coordinates, components.drift, components.hamiltonian
    total = sum(sp.diff(v[i], z[i]) - v[i] * sp.diff(H, z[i]) for i in range(len(z)))
    for (i, j), d in components.diffusion.items():
        hi, hj = sp.diff(H, z[i]), sp.diff(H, z[j])
        total -= sp.diff(d, z[i], z[j]) - hi * sp.diff(d, z[j]) - hj * sp.diff(d, z[i])
        total -= d * (hi * hj - sp.diff(H, z[i], z[j]))
    return sp.expand(total)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_sgnht_in_components_has_no_residual(n):
    assert residual(sgnht.at(n=n)) == 0


def test_the_residual_sees_a_wrong_thermostat():
    """Twin: with the drift of xi divided by 2 instead of mu a residual is left."""
    drift = dict(sgnht.drift)
    xi = sgnht.variables[2]
    drift[xi] = drift[xi] * 2
    wrong = sk.Dynamics(drift, dict(sgnht.diffusion), hamiltonian=sgnht.hamiltonian)
    assert residual(wrong.at(n=2)) != 0


def test_a_symmetric_variable_has_its_independent_entries_only():
    n = sk.dim("n")
    X = sk.matrix("X", n, symmetric=True)
    d = sk.Dynamics(drift={X: -X}, diffusion={X: 1}, hamiltonian=sk.dot(X, X) / 2)
    components = d.at(n=3)
    assert [z.name for z in components.coordinates] == [
        "X_1_1", "X_1_2", "X_1_3", "X_2_2", "X_2_3", "X_3_3",
    ]  # fmt: skip
    # The identity on symmetric matrices gives an off-diagonal entry half the variance.
    assert components.diffusion[1, 1] == sp.S.Half
    assert residual(components) == 0


def test_every_node_agrees_with_its_formula():
    n = sk.dim("n")
    x = sk.vector("x", n)
    M = sk.parameter("M", n, n, positive_definite=True)
    B = sk.parameter("B", n, n)
    f = (
        sk.trace(B @ B) + x @ sk.inv(M) @ x + sk.logdet(M) + sk.dot(B.T @ x, sk.ones(n))
        + sk.dot(sk.diag(B), x * x) + sk.div(sk.exp(x), x) + sk.pi * n + sk.dot(sk.outer(x, x), B)
    )  # fmt: skip
    c = sk.Dynamics(drift={x: -sk.grad(f, x)}, hamiltonian=f).at(n=2)
    z = sp.Matrix(c.coordinates)
    m = sp.Matrix(2, 2, lambda i, j: _entry("M", min(i, j), max(i, j), i == j))
    b = sp.Matrix(2, 2, lambda i, j: _entry("B", i, j, False))
    expected = (
        (b * b).trace() + (z.T * m.inv() * z)[0] + sp.log(m.det()) + sum(b.T * z)
        + sum(b[i, i] * z[i] ** 2 for i in range(2)) + sum(sp.exp(s) for s in z) + 2 * sp.pi
        + (z.T * b * z)[0]
    )  # fmt: skip
    assert sp.simplify(c.hamiltonian - expected) == 0
    assert sp.simplify(c.drift[0] + sp.diff(expected, z[0])) == 0
    assert c.definite == (sp.ImmutableMatrix(m),)


def _entry(name, i, j, positive):
    return sp.Symbol(f"{name}_{i + 1}_{j + 1}", real=True, positive=positive or None)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({}, "the size of n is missing"),
        ({"n": 0}, "no positive integer"),
        ({"n": 2, "k": 1}, "no dimension k"),
        ({"n": True}, "no positive integer"),
    ],
)
def test_wrong_sizes_are_errors(sizes, message):
    with pytest.raises(DeclarationError, match=message):
        sgnht.at(**sizes)


def test_fixed_dimensions_need_no_size():
    x = sk.vector("x", 3)
    d = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=sk.dot(x, x) / 2)
    assert d.at().dimension == 3
    assert sk.loads(d.to_toml()) == d
