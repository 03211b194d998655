"""Each record of an elementary function is right, and adding one is all that a function takes."""

import json
import re
from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb, fmpq

import sdekit as sk
from sdekit.calculus.contraction.values.concrete_model import _exact
from sdekit.calculus.field.witnesses.ball_functions import function_triple, working_precision
from sdekit.declaration.functions import record as where
from sdekit.declaration.functions.record import ElementaryFunction
from sdekit.declaration.functions.records import BY_SYMPY, FUNCTIONS
from sdekit.declaration.text.formulas import Algebra, evaluated
from sdekit.declaration.text.latex import latex_text
from sdekit.declaration.text.sympy_reader import sympy_function
from sdekit.declaration.text.unicode_text import unicode_text
from sdekit.schemes.split.splitting import splitting
from sdekit.simulation.bind.jax_functions import jax_function

ROOT = Path(__file__).parents[3]
ALL = pytest.mark.parametrize("name", list(FUNCTIONS))
#: Exact points on both sides of 0 and 1.
POINTS = (Fraction(-9, 4), Fraction(-3, 7), Fraction(2, 5), Fraction(5, 3), Fraction(7, 2))
_MP = Algebra(
    number=lambda value: mpmath.mpf(value.numerator) / value.denominator,
    constant=lambda name: +{"pi": mpmath.pi, "E": mpmath.e}[name],
    power=lambda base, exponent: base ** (mpmath.mpf(exponent.numerator) / exponent.denominator),
    function=lambda name, u: _value(FUNCTIONS[name], u),
)


def _value(record: ElementaryFunction, u: mpmath.mpf) -> mpmath.mpf:
    """The function by mpmath, an evaluation of its own; a complex number where it is not real."""
    if record.reciprocal_of:
        return 1 / _value(FUNCTIONS[record.reciprocal_of], u)
    known = {
        "abs": abs,
        "polygamma": mpmath.digamma,
        "relu": lambda t: (t + abs(t)) / 2,
        "softplus": lambda t: mpmath.log1p(mpmath.exp(t)),
    }
    found = known.get(record.name) or known.get(record.sympy)
    return (found or getattr(mpmath, record.sympy))(u)


def _inside(record: ElementaryFunction) -> list[Fraction]:
    """The points at which the function is smooth."""
    found = []
    for point in POINTS:
        u = _MP.number(point)
        bound = evaluated(record.inside, u, _MP) if record.inside else mpmath.mpf(1)
        if (record.smooth != where.POSITIVE or u > 0) and mpmath.im(bound) == 0 and bound > 0:
            found.append(point)
    return found


def _is_right(record: ElementaryFunction) -> bool:
    """Slope, parity, sign, bounds and direction against mpmath, at fifty digits."""
    with mpmath.workdps(50):
        for point in _inside(record):
            u = _MP.number(point)
            value = _value(record, u)
            slope = mpmath.diff(lambda t: _value(record, t), u)
            given = evaluated(record.slope, u, _MP) if record.slope else slope
            # Differences of fifty digits are good to about half of them.
            if abs(given - slope) > mpmath.mpf(10) ** -20 * (1 + abs(slope)):
                return False
            mirrored = {"odd": -1, "even": 1}.get(record.parity)
            if mirrored and abs(_value(record, -u) - mirrored * value) > mpmath.mpf(10) ** -40:
                return False
            sign = {"argument": u, "argument, no zero": u, "positive": 1, "nonnegative": value}
            if record.sign and mpmath.sign(value) != mpmath.sign(sign[record.sign]):
                return False
            if record.sign == "nonnegative" and value < 0:
                return False
            if record.bounds and not record.bounds[0] <= value <= record.bounds[1]:
                return False
            if record.is_increasing and not slope > 0:
                return False
            if record.growth and abs(value) > 4 * (1 + abs(u)) ** _DEGREE[record.growth]:
                return False
        for point, value in record.exact:
            if abs(_value(record, mpmath.mpf(point)) - value) > mpmath.mpf(10) ** -40:
                return False
        return _has_tail(record)


_DEGREE = {"bounded": 0, "root": 0.5, "linear": 1}


def _has_tail(record: ElementaryFunction) -> bool:
    far = mpmath.mpf(10) ** 30
    match record.tail:
        case "":
            return True
        case "oscillates":
            return len({mpmath.sign(_value(record, mpmath.mpf(k))) for k in range(1, 8)}) == 2
        case "logarithm":
            return abs(_value(record, far) / mpmath.log(far) - 1) < 0.02
        case limit:
            return abs(_value(record, far) - evaluated(limit, far, _MP)) < mpmath.mpf(10) ** -29


@ALL
def test_a_record_is_right(name):
    assert _inside(FUNCTIONS[name])
    assert _is_right(FUNCTIONS[name])


@pytest.mark.parametrize(
    "change",
    [{"slope": "1/sqrt(1 - u**2)"}, {"slope": "1/(1 + u**2)"}, {"parity": "even"},
     {"sign": "positive"}, {"bounds": (-1, 1)}, {"growth": "bounded"}, {"exact": ((0, 1),)},
     {"tail": "1"}],
)  # fmt: skip
def test_a_wrong_record_is_seen(change):
    """Twin: one wrong entry of the record is enough."""
    # 4 (1 + |u|)^0 is no bound of a function that reaches 5.
    record = FUNCTIONS["asinh"]._replace(**change)
    if "growth" in change:
        record = FUNCTIONS["sinh"]._replace(**change)
    assert not _is_right(record)


@ALL
def test_balls_sympy_and_jax_agree_with_mpmath(name):
    record = FUNCTIONS[name]
    for point in _inside(record):
        with mpmath.workdps(40):
            exact = _value(record, _MP.number(point))
            digits = mpmath.nstr(exact, 38)
        at = sp.Rational(point.numerator, point.denominator)
        if record.sympy:
            kind = sympy_function(name)
            assert abs(sp.N(kind(at), 30) - sp.Float(digits, 30)) < 1e-25 * (1 + abs(exact))
        if record.sympy and not record.sympy_leading and name != "sqrt":
            kind, u = getattr(sp, record.sympy), fmpq(*point.as_integer_ratio())
            with working_precision(200):
                value = arb(function_triple(kind, u)[0])
                assert value.overlaps(arb(digits) * (1 + arb(0, 1e-36)))
        if record.jax:
            with jax.enable_x64(True):
                found = float(jax_function(name)(jnp.asarray(float(point), jnp.float64)))
            # JAX's special functions are good to about 1e-13 of their scale.
            assert abs(found - float(exact)) < 1e-12 * (1 + abs(float(exact)))


@ALL
def test_an_exact_value_is_exact_everywhere(name):
    for point, value in FUNCTIONS[name].exact:
        triple = function_triple(getattr(sp, FUNCTIONS[name].sympy), fmpq(point))
        assert isinstance(triple[0], fmpq) and triple[0] == value
        assert _exact(name, fmpq(point), None) == value


def test_no_other_module_names_a_function_that_is_only_data():
    """The stub of the public names and the lists of JAX's own operations name it as they must."""
    exempt = {
        "sdekit/__init__.pyi",
        "sdekit/simulation/loop/machine_loop.py",
        "sdekit/simulation/guard/rules.py",
    }
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "sdekit").rglob("*.py*")
        if path.suffix in (".py", ".pyi")
        and re.search(r"\b(arc|a)sinh\b", path.read_text(encoding="utf-8"))
    }
    assert found - exempt == {"sdekit/declaration/functions/records.py"}


#: A function of which sdekit knows nothing but this record.
NEW = FUNCTIONS["asinh"]._replace(
    name="arsinh", summary="A new function.", logarithm="",
    latex=r"\operatorname{arsinh}\left(%s\right)",
)  # fmt: skip


@pytest.fixture
def new_function(monkeypatch):
    """sdekit with `arsinh` in the place of `asinh`."""
    monkeypatch.delitem(FUNCTIONS, "asinh")
    monkeypatch.setitem(FUNCTIONS, NEW.name, NEW)
    monkeypatch.setitem(BY_SYMPY, NEW.sympy, NEW)


MODEL = """
name = "heavy tails"
[dimensions]
n = "any"
[variables]
x = { shape = ["n"], role = "target" }
p = { shape = ["n"] }
[parameters]
A = "positive"
[drift]
x = "p"
p = "-arsinh(x) - x - A*p"
[diffusion]
p = "A*eye(n)"
[energy]
H = "U0 + dot(p, p)/2"
target = "U0"
""".replace("U0", "dot(ones(n), x*arsinh(x) - sqrt(ones(n) + x*x)) + dot(x, x)/2")


@pytest.mark.usefixtures("new_function")
def test_one_record_is_all_that_a_new_function_takes():
    model = sk.loads(MODEL)
    assert sk.loads(model.to_toml()) == model
    assert r"\operatorname{arsinh}\left(x\right)" in latex_text(model.drift[model.variables[1]])
    assert "arsinh(x)" in unicode_text(model.drift[model.variables[1]])
    found = sk.verify(model)
    for check in ("stationarity", "regularity", "marginalization", "diffusion_psd"):
        assert found.checks[check].verdict.value == "proved", (check, found.checks[check].reason)
    assert sk.verify(model, n=2).checks["stationarity"].verdict.value == "proved"
    components = model.at(n=1)
    assert components.drift[1].has(sp.asinh)
    assert splitting(model).default_word
    assert sk.order(model, "BAOAB", n=1).weak_order == 2
    assert '["function", "arsinh"' in json.dumps(sk.certify(model)["model"])
    run = sk.simulate(
        sk.sampler(model, parameters={"A": 1.0}, scheme="BAOAB"),
        np.zeros(2), step_size=0.1, steps=50, seed=0,
    )  # fmt: skip
    assert np.isfinite(np.asarray(run.samples["x"])).all()


@pytest.mark.usefixtures("new_function")
def test_a_new_function_is_refuted_where_the_design_is_wrong():
    """Twin: the slope that the record gives is used; a wrong sign is no stationary design."""
    broken = sk.loads(MODEL.replace("-arsinh(x) - x", "arsinh(x) - x"))
    assert sk.verify(broken).checks["stationarity"].verdict.value == "refuted"


@pytest.mark.usefixtures("new_function")
def test_without_its_record_a_function_does_not_exist():
    with pytest.raises(sk.SdekitError, match="unknown function"):
        sk.loads(MODEL.replace("arsinh", "asinh"))
