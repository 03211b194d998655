"""Formal arguments of declared functions, and what is declared of them."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DeclarationError, ModelFileError

MODEL = """
[variables]
th1 = { role = "target" }
th2 = { role = "target" }
[functions]
U = FUNCTION
[drift]
th1 = "-grad(U(th1), th1)"
th2 = "-grad(U(th2), th2)"
[diffusion]
th1 = "1"
th2 = "1"
[energy]
H = "U(th1) + U(th2)"
"""
FORMAL = MODEL.replace("FUNCTION", '["th"]')


def test_a_formal_argument_is_no_variable_and_each_use_puts_one_in():
    model = sk.loads(FORMAL)
    assert sk.loads(model.to_toml()) == model
    assert 'U = ["th"]' in model.to_toml()
    found = sk.verify(model)
    assert found.checks["stationarity"].verdict.value == "proved"
    run = sk.simulate(
        sk.sampler(model, functions={"U": lambda u: u**2 / 2}, scheme="EM"),
        {"th1": jnp.zeros(()), "th2": jnp.zeros(())}, step_size=0.1, steps=20, seed=0,
    )  # fmt: skip
    assert np.isfinite(np.asarray(run.samples["th1"])).all()


def test_another_function_at_the_second_variable_is_refuted():
    """Twin: the argument that is put in counts."""
    wrong = sk.loads(FORMAL.replace('th2 = "-grad(U(th2), th2)"', 'th2 = "-grad(U(th1), th1)"'))
    assert sk.verify(wrong).checks["stationarity"].verdict.value == "refuted"


ROWS = """
[dimensions]
n = "any"
k = "any"
[variables]
X = { shape = ["k", "n"] }
x = { shape = ["n"] }
[functions]
U = ["r"]
[drift]
X = "-grad(sum(rows(U, X)), X)"
x = "LAST"
[diffusion]
X = "1"
x = "1"
[energy]
H = "sum(rows(U, X)) + U(x)"
"""


def test_a_formal_argument_takes_the_shape_of_a_row_and_all_uses_agree():
    model = sk.loads(ROWS.replace("LAST", "-grad(U(x), x)"))
    assert sk.loads(model.to_toml()) == model
    assert model.functions[0].arguments[0].shape == model.variables[1].shape
    assert sk.verify(model, n={"n": 2, "k": 2}).checks["stationarity"].verdict.value == "proved"


@pytest.mark.parametrize(
    ("text", "message"),
    [(ROWS.replace("LAST", "-grad(U(X), x)"), "another shape"),
     (ROWS.replace("LAST", "-grad(U(x, x), x)"), "number of arguments"),
     (MODEL.replace("FUNCTION", '["a", "a"]'), "one argument twice"),
     (MODEL.replace("FUNCTION", '["1a"]'), "no valid name"),
     (MODEL.replace("FUNCTION", '{ of = ["th"], convx = true }'), "did you mean convex"),
     (MODEL.replace("FUNCTION", '{ of = ["th"], convex = 1 }'), "neither true nor false"),
     (MODEL.replace("FUNCTION", '{ of = ["th"], bounded = true, coercive = true }'), "bounded and"),
     (ROWS.replace('U = ["r"]', 'U = ["k"]').replace("LAST", "0"), "no variable")],
)  # fmt: skip
def test_a_mistake_in_a_declared_function_is_named(text, message):
    with pytest.raises(ModelFileError, match=message):
        sk.loads(text)


@pytest.mark.parametrize("word", ["convex", "even", "bounded", "lipschitz", "coercive"])
def test_what_is_declared_of_a_function_is_kept(word):
    model = sk.loads(MODEL.replace("FUNCTION", f'{{ of = ["th"], {word} = true }}'))
    assert word in model.functions[0].assumptions
    again = sk.loads(model.to_toml())
    assert again == model and again.functions == model.functions
    assert model != sk.loads(FORMAL)
    th = sk.scalar("th1")
    assert word in sk.potential("U", th, **{word: True}).function.assumptions
    assert word in sk.function("U", th, **{word: True}).function.assumptions


def test_a_property_that_does_not_exist_or_fit_is_refused():
    n = sk.dim("n")
    x = sk.vector("x", n)
    with pytest.raises(DeclarationError, match="unknown property"):
        sk.potential("U", x, konvex=True)
    with pytest.raises(DeclarationError, match="no scalar"):
        sk.function("V", x, shape=(n,), convex=True)
    with pytest.raises(ModelFileError, match="unknown assumption"):
        sk.loads(FORMAL + '[parameters]\na = "convex"\n')


def test_an_unknown_function_may_read_the_time():
    x = sk.scalar("x")
    pulled = sk.Dynamics(drift={x: x / 2 + sk.function("f", x, sk.time)}, noise={x: 1})
    assert pulled.depends_on_time
    assert 'f = ["x", "time"]' in pulled.to_toml() and "f(x, time)" in pulled.to_toml()
    again = sk.loads(pulled.to_toml())
    assert again == pulled and again.functions == pulled.functions
    # Another argument in its place, as for every function.
    moved = sk.function("f", x, sk.time)(x, sk.time / 2)
    assert sk.loads(sk.Dynamics(drift={x: moved}, noise={x: 1}).to_toml()).drift[x] == moved
    with pytest.raises(DeclarationError, match="one argument twice"):
        sk.function("f", sk.time, sk.time)
    with pytest.raises(DeclarationError, match="no variable"):
        sk.function("f", x, 2 * sk.time)


def test_nothing_is_proved_of_a_law_that_a_function_of_time_would_change():
    """Twin: the same declaration with the function at a fixed state is proved."""
    x = sk.scalar("x")
    fixed, moving = sk.potential("U", x), sk.potential("U", x, sk.time)
    assert sk.verify(
        sk.Dynamics(drift={x: -sk.grad(fixed, x)}, diffusion={x: 1}, hamiltonian=fixed)
    ).verdict == "proved"  # fmt: skip
    try:
        found = sk.verify(
            sk.Dynamics(drift={x: -sk.grad(moving, x)}, diffusion={x: 1}, hamiltonian=moving)
        ).verdict
    except DeclarationError:
        return
    assert found != "proved"


def test_a_function_of_time_runs_as_its_formula_does():
    x = sk.scalar("x")
    steps = {"step_size": 0.1, "steps": 9, "scheme": "EM", "seed": 1}
    written = sk.simulate(sk.Dynamics(drift={x: -sk.time * x}, noise={x: 1}), 1.0, **steps)
    unknown = sk.Dynamics(drift={x: -sk.grad(sk.potential("U", x, sk.time), x)}, noise={x: 1})
    given = sk.simulate(unknown, 1.0, functions={"U": lambda z, t: t * z**2 / 2}, **steps)
    np.testing.assert_allclose(given.samples["x"], written.samples["x"], rtol=1e-5)
    still = sk.simulate(unknown, 1.0, functions={"U": lambda z, t: z**2 / 2}, **steps)
    assert np.abs(still.samples["x"] - written.samples["x"]).max() > 0.1
