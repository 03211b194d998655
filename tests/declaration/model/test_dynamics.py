"""Dynamics: what is refused, what is known, and its two interpretations."""

import pickle

import pytest
import sympy as sp

import sdekit as sk
from sdekit.errors import DeclarationError
from tests.declaration.model.models import A, U, mu, n, p, sgnht, theta, xi


def test_a_dynamics_is_frozen_and_hashable():
    assert hash(sgnht) == hash(sgnht)
    with pytest.raises(AttributeError, match="frozen"):
        sgnht.name = "other"


def test_a_dynamics_knows_what_it_is_made_of():
    assert sgnht.parameters == (mu, A)
    assert [function.name for function in sgnht.functions] == ["U"]
    assert sgnht.dimensions == (n,)
    assert sgnht.target_variables == (theta,)
    assert sgnht.auxiliary_variables == (p, xi)
    assert not sgnht.is_scalar


def test_a_scalar_diffusion_is_that_multiple_of_the_identity():
    d = sk.Dynamics(drift={p: -p}, diffusion={p: A})
    assert d.diffusion_block(p, p) == A * sk.eye(n)


def test_a_block_given_once_is_mirrored():
    q = sk.vector("q", n)
    C = sk.parameter("C", n, n)
    d = sk.Dynamics(drift={p: -p, q: -q}, diffusion={p: 1, q: 1, (p, q): C})
    assert d.diffusion_block(q, p) == C.T
    assert d.at(n=2).diffusion[2, 1] == sp.Symbol("C_2_1", real=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"drift": {}}, "no mapping from variables"),
        ({"drift": {p: xi}}, r"drift of p has the wrong shape: expected \(n,\)"),
        ({"drift": {p: -p}, "diffusion": {theta: 1}}, "theta has no drift"),
        ({"drift": {p: -p}, "diffusion": {p: p}}, "wrong shape"),
        ({"drift": {p: -p}, "hamiltonian": p}, "hamiltonian has the wrong shape"),
        ({"drift": {p: -theta}}, "theta has no drift, so it is no variable"),
        ({"drift": {p: -p}, "target": sk.dot(p, p)}, "target is given without a hamiltonian"),
        ({"drift": {p: -p}, "hamiltonian": sk.dot(p, p), "target": A}, "depends on no variable"),
        ({"drift": {p: -p}, "diffusion": {p: 1}, "noise": {p: 1}}, "both diffusion and noise"),
        ({"drift": {p: -p * sk.parameter("p")}}, "stands for two different things"),
        ({"drift": {p: -p}, "interpretation": "both"}, "unknown interpretation"),
        ({"drift": {"p": 1}}, "a key of the drift is no variable"),
        (
            {"drift": {p: -p}, "diffusion": {p: sk.dot(p, p)}, "interpretation": "stratonovich"},
            "not determined by D",
        ),
        ({"drift": {xi: -xi, theta: 0}, "noise": {xi: [1, 2], theta: [1]}}, "theta is a list"),
    ],
)
def test_each_mistake_gets_one_error_that_names_it(arguments, message):
    with pytest.raises(DeclarationError, match=message):
        sk.Dynamics(**arguments)


def test_plain_sympy_is_the_scalar_case():
    x, y = sp.symbols("x y", real=True)
    k = sp.Symbol("k", positive=True)
    V = sp.Function("V")(x)
    d = sk.Dynamics(
        drift={x: y, y: -sp.diff(V, x) - k * y},
        diffusion={y: k},
        hamiltonian=V + y**2 / 2,
        target=V,
    )
    assert d.is_scalar
    assert d.at().drift[1] == -k * y - sp.Derivative(sp.Function("V", real=True)(x), x)


@pytest.mark.parametrize("bad", [sp.Float(0.5), sp.zeta(sp.Symbol("x")), sp.Symbol("x") + sp.I])
def test_sympy_outside_the_grammar_is_an_error(bad):
    x = sp.Symbol("x")
    with pytest.raises(DeclarationError, match=r"exact numbers only|outside the grammar"):
        sk.Dynamics(drift={x: bad})


def test_positive_sympy_symbols_live_on_the_half_line():
    x = sp.Symbol("x", positive=True)
    assert sk.Dynamics(drift={x: 1 - x}).variables[0].domain.kind == "positive"


def test_a_noise_factor_gives_half_its_square():
    x, y = sk.scalar("x"), sk.scalar("y")
    d = sk.Dynamics(drift={x: 0, y: 0}, noise={x: [1, 0], y: [xi_ := sk.parameter("r"), 2]})
    components = d.at()
    r = sp.Symbol("r", real=True)
    assert xi_.name == "r"
    assert components.diffusion_matrix() == sp.Matrix([[sp.S.Half, r / 2], [r / 2, r**2 / 2 + 2]])


@pytest.mark.parametrize(
    ("weights", "has_rows"), [(1, True), (1, False), (sk.parameter("w", sk.dim("n")), True)]
)
def test_a_stratonovich_factor_of_scaled_rows_has_the_drift_of_its_components(weights, has_rows):
    """diag(w x) L, whose drift is read off instead of differentiated: linear, as it is written."""
    n, m = sk.dim("n"), sk.dim("m")
    v, rows = sk.vector("v", n), sk.parameter("L", n, m)
    factor = sk.diag(weights * v) @ rows if has_rows else sk.diag(weights * v)
    d = sk.Dynamics(drift={v: 0 * v}, noise={v: factor}, interpretation="stratonovich")
    found = d.ito().at(**({"n": 2, "m": 2} if has_rows else {"n": 2}))
    z = found.coordinates
    known = {str(symbol): symbol for entry in found.drift for symbol in entry.free_symbols}
    w = [known.get(f"w_{i}", 1) for i in (1, 2)]
    L = [[known.get(f"L_{i}_{k}", int(i == k)) for k in (1, 2)] for i in (1, 2)]
    for i in range(2):
        sigma = [w[i] * z[i] * L[i][k] for k in range(2)]
        half = sum(entry * sp.diff(entry, z[i]) for entry in sigma) / 2
        assert sp.expand(found.drift[i] - half) == 0 and half != 0


def test_stratonovich_becomes_ito_with_half_sigma_dsigma():
    x = sp.Symbol("x", real=True)
    d = sk.Dynamics(drift={x: -x}, noise={x: sp.sqrt(1 + x**2)}, interpretation="stratonovich")
    assert sp.simplify(d.at().drift[0] - (-x + x / 2)) == 0


def test_the_ito_correction_of_a_matrix_factor_agrees_with_its_components():
    """Against the formula written out: v_i + sum_jk G_jk d_j G_ik / 2 at n = m = 2."""
    m = sk.dim("m")
    G = sk.function("G", theta, shape=(n, m))
    d = sk.Dynamics(drift={theta: -theta}, noise={theta: G}, interpretation="stratonovich")
    components = d.at(n=2, m=2)
    z = components.coordinates
    factor = sp.Matrix(2, 2, lambda i, k: sp.Function(f"G_{i + 1}_{k + 1}", real=True)(*z))
    for i in range(2):
        expected = (
            -z[i]
            + sum(factor[j, k] * sp.diff(factor[i, k], z[j]) for j in range(2) for k in range(2))
            / 2
        )
        assert sp.expand(components.drift[i] - expected) == 0


def test_a_dynamics_survives_pickling():
    assert pickle.loads(pickle.dumps(sgnht)) == sgnht


def test_printing_names_the_convention():
    assert "N(0, 2 D dt), rho ~ exp(-H)" in str(sgnht)
    assert "dξ" in str(sgnht)
    assert r"\nabla_{\theta} U(\theta)" in sgnht.latex()
    assert U.function.name == "U"


def gradient_noise_model(**changed):
    n = sk.dim("n")
    x, y = sk.vector("x", n), sk.vector("y", n)
    a, b = sk.parameter("a", positive=True), sk.parameter("b", positive=True)
    given = {"diffusion": {x: a, (x, y): b * sk.eye(n)}, "gradient_noise": {x: b, (y, x): a}}
    return sk.Dynamics(drift={x: -x, y: -y}, **{**given, **changed}), x, y, a, b


def test_noise_that_only_turns_has_a_plain_diffusion():
    x, y = sk.scalar("x"), sk.scalar("y")

    def diffusion(*row):
        return repr(sk.Dynamics({x: -x, y: -y}, noise={x: row, y: (0, 0)}).diffusion[x, x])

    assert diffusion(sk.sin(x), sk.cos(x)) == "1/2"
    assert diffusion(-sk.sin(x), sk.cos(x)) == "1/2"
    assert diffusion(y * sk.sin(x), y * sk.cos(x)) == "y*y/2"
    # Twins: other amplitudes, other angles.
    assert diffusion(sk.sin(x), 2 * sk.cos(x)) == "(sin(x)**2 + (2*cos(x))**2)/2"
    assert diffusion(sk.sin(x), sk.cos(y)) == "(sin(x)**2 + cos(y)**2)/2"


def test_gradient_noise_is_apart_as_declared_and_within_d_as_an_sde():
    model, x, y, a, b = gradient_noise_model()
    n = x.shape[0]
    assert dict(model.diffusion) == {(x, x): a, (x, y): b * sk.eye(n)}
    assert dict(model.gradient_noise) == {(x, x): b, (y, x): a}
    assert model.injected() == gradient_noise_model(gradient_noise=None)[0]
    whole = model.ito()
    assert not whole.gradient_noise and whole.diffusion[x, x] == a + b
    entries = model.at(n=1).diffusion
    assert [str(entries[key]) for key in ((0, 0), (0, 1), (1, 0))] == ["a + b"] * 3


def test_gradient_noise_is_part_of_what_a_declaration_is():
    model = gradient_noise_model()[0]
    again = sk.loads(model.to_toml())
    assert again == model and hash(again) == hash(model)
    assert "[gradient_noise]" in model.to_toml()
    assert model != model.injected()
    assert "which no run injects" in str(model)
    assert r"D^{\text{gradient}}_{x x}" in model.latex()


def test_an_assumption_about_the_gradient_noise_alone_is_none_of_what_is_injected():
    x = sk.scalar("x")
    a, b = sk.parameter("a", positive=True), sk.parameter("b", positive=True)
    model = sk.Dynamics({x: -a * x}, {x: 1}, gradient_noise={x: b}, assume=[a >= 1, a >= b])
    assert model.injected().assume == (model.assume[0],)
    assert model.ito().assume == model.assume


def test_gradient_noise_joins_a_noise_factor_and_a_stratonovich_declaration():
    x = sk.scalar("x")
    model = sk.Dynamics({x: -x}, noise={x: x}, gradient_noise={x: 1}, interpretation="stratonovich")
    whole = model.ito()
    assert whole.noise is None and whole.interpretation == "ito"
    assert str(model.at().diffusion[0, 0]) == "x**2/2 + 1"
    assert str(model.at().drift[0]) == "-x/2"


def test_blocks_given_in_both_orders_stay_apart_in_the_sum():
    """A D that is not symmetric must stay so, for the verifier to refuse it."""
    x, y = sk.scalar("x"), sk.scalar("y")
    model = sk.Dynamics({x: -x, y: -y}, {(x, y): 1, (y, x): 2}, gradient_noise={(x, y): 1})
    assert {k: int(v) for k, v in model.at().diffusion.items()} == {(0, 1): 2, (1, 0): 3}


def test_gradient_noise_of_the_wrong_shape_or_place_is_an_error():
    x, z = sk.scalar("x"), sk.scalar("z")
    with pytest.raises(DeclarationError, match="gradient noise is no mapping"):
        sk.Dynamics({x: -x}, {x: 1}, gradient_noise=[1])
    with pytest.raises(DeclarationError, match="no variable of the state"):
        sk.Dynamics({x: -x}, {x: 1}, gradient_noise={z: 1})
