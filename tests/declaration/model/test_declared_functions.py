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
