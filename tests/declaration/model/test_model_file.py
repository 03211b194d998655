"""Model files: round trips, and one clear error for each mistake."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdekit as sk
from sdekit.declaration.text.expression_text import grammar_text
from sdekit.declaration.text.parser import DEEPEST_NESTING, parse_expression
from sdekit.errors import DeclarationError, ModelFileError
from tests.declaration.model.models import SGNHT_TOML, sgnht


def test_the_file_of_the_design_is_the_declaration_of_the_design():
    assert sk.loads(SGNHT_TOML) == sgnht


def test_a_model_reads_back_equal():
    assert sk.loads(sgnht.to_toml()) == sgnht


def test_every_option_reads_back_equal():
    n, k = sk.dim("n"), sk.dim("k")
    x, c = sk.vector("x", n, domain="positive"), sk.scalar("c", domain="circle")
    u, S = sk.scalar("u", domain=("0", "1/2")), sk.matrix("S", n, symmetric=True)
    G = sk.function("G", x, shape=(n, n), positive_definite=True)
    h = sk.parameter("h", value="1/3")
    C = sk.parameter("C", n, k)
    d = sk.Dynamics(
        drift={x: h * (G @ x), c: sk.sin(c) - sk.pi, u: 0, S: -S},
        diffusion={x: G, (c, u): 1, S: 2},
        hamiltonian=sk.logdet(G) / 2 + sk.dot(C, C) + u + sk.cos(c),
        target=sk.dot(x, x),
        name='a "quoted"\nname \\',
        target_variables=[x, c],
    )
    again = sk.loads(d.to_toml())
    assert again == d
    assert (again.name, again.target_variables) == (d.name, d.target_variables)


def test_noise_and_interpretation_read_back_equal():
    x, y = sk.scalar("x"), sk.scalar("y")
    d = sk.Dynamics({x: -x, y: 0}, noise={x: [x, 0], y: [1, 1]}, interpretation="stratonovich")
    assert sk.loads(d.to_toml()) == d


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("xi*p", "xj*p", r"drift\.p, column 26: unknown name: found 'xj'.*did you mean xi\?"),
        ("- xi*p", "- xi*", r"drift\.p, column 29: syntax error.*end of the formula"),
        ("dot(p, p) - n", "dott(p, p) - n", "unknown function: found 'dott'.*did you mean dot"),
        ("/mu", "/0", "division by zero"),
        ('A  = "positive"', 'A  = "positiv"', r"parameters\.A: unknown assumption.*mean positive"),
        ("[drift]", "[drif]", "unknown entry 'drif'.*did you mean drift"),
        ('xi    = "(dot', 'xk    = "(dot', "'xk' is no variable.*did you mean xi"),
        ("A*eye(n)", "A*eye(m)", r"diffusion\.p, column 7: unknown name: found 'm'"),
        ("A*eye(n)", "A.real*eye(n)", "attributes do not exist"),
        ("A*eye(n)", "A*eye(n)[0]", "unexpected character"),
        ("xi*p", "__import__*p", "unknown name"),
        ("xi*p", "xi", "sum of a scalar and a tensor"),
        ("xi*p", "10**10**9*p", "an exponent is too large"),
        ("xi*p", "9" * 1001 + "*p", "a number is too long"),
        ("xi*p", "1e9999*p", "a number is too long"),
        ("xi*p", "(" * 61 + "xi" + ")" * 61 + "*p", "nested too deeply"),
        ("xi*p", "x\u0456*p", "unexpected character"),
        ("xi*p", "mu(p)", "mu is no function"),
        ("xi*p", "grad*p", "grad needs arguments"),
        ("xi*p", "dot(p)", "wrong number of arguments"),
        ("xi*p", "U*p", r"U is a function.*write U\(theta\)"),
        ('n = "any"', 'n = "some"', r"dimensions\.n: the size of a dimension"),
        ('n = "any"', "n = 0", "no positive integer"),
        ('U = ["theta"]', 'U = ["n"]', "argument of a function is no variable"),
        ('U = ["theta"]', "U = []", "a function needs its arguments"),
        ('shape = ["n"] }\nxi', 'shape = ["m"] }\nxi', "unknown dimension"),
        ("H      =", "H", r"line \d+, column \d+: this is no TOML"),
        ('p = "A*eye(n)"', "p = 0.5", r"diffusion\.p: a formula is no text"),
        ('name = "SGNHT"', "name = 3", "name: expected text"),
        ('theta = "p"\n', "", r"drift: theta has no drift"),
        ('A  = "positive"', 'theta = "positive"', "theta is declared twice"),
        ('role = "target"', 'role = "main"', "unknown role"),
        ('A  = "positive"', "A  = { value = nan }", "expected an exact number"),
        ('target = "U(theta)"', 'target = "U(p)"', "depends on p, which is not among the target"),
        ('target = "U(theta)"', 'target = "p"', "target has the wrong shape"),
    ],
)
def test_each_mistake_gets_one_line_that_names_the_place(old, new, message):
    assert old in SGNHT_TOML
    with pytest.raises(ModelFileError, match=message) as caught:
        sk.loads(SGNHT_TOML.replace(old, new, 1))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[variables]\nx = {}", "[drift]\nx = '1'", "x = 1", "\x00"])
def test_files_without_a_model_are_errors(text):
    with pytest.raises(ModelFileError):
        sk.loads(text)


def test_a_missing_file_and_one_that_is_no_text_are_errors(tmp_path):
    with pytest.raises(ModelFileError, match="cannot read"):
        sk.load(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ModelFileError, match="no UTF-8"):
        sk.load(tmp_path / "binary.toml")


def test_decimals_are_exact():
    scope = {"x": sk.scalar("x")}
    assert parse_expression("0.1*x", scope) == parse_expression("1/10*x", scope)


def _expressions():
    x, y = sk.scalar("x"), sk.scalar("y")
    v, M = sk.vector("v", sk.dim("n")), sk.matrix("M", sk.dim("n"))
    leaves = st.sampled_from([x, y, sk.dot(v, v), sk.trace(M), sk.potential("U", x)])
    numbers = st.fractions(min_value=-9, max_value=9, max_denominator=7)

    def extend(inner):
        pairs = st.tuples(inner, inner | numbers)
        return st.one_of(
            pairs.map(lambda ab: ab[0] + ab[1]),
            pairs.map(lambda ab: ab[0] - ab[1]),
            pairs.map(lambda ab: ab[1] * ab[0]),
            pairs.map(lambda ab: ab[0] * ab[1]),
            pairs.filter(lambda ab: ab[1] != 0).map(lambda ab: ab[0] / ab[1]),
            st.tuples(inner, st.integers(-3, 3)).map(lambda ab: ab[0] ** ab[1]),
            inner.map(lambda a: -a),
            inner.map(sk.exp),
            inner.map(lambda a: sk.grad(a, x)),
        )

    return st.recursive(leaves, extend, max_leaves=12)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(_expressions())
def test_text_reads_back_as_the_same_tree(expression):
    x, v, M = sk.scalar("x"), sk.vector("v", sk.dim("n")), sk.matrix("M", sk.dim("n"))
    scope = {"x": x, "y": sk.scalar("y"), "v": v, "M": M, "U": sk.potential("U", x).function}
    assert parse_expression(grammar_text(expression), scope) == expression


def test_tensors_read_back_as_the_same_tree():
    n = sk.dim("n")
    v, M = sk.vector("v", n), sk.matrix("M", n)
    scope = {"n": n, "v": v, "M": M}
    for expression in (
        (M.T @ v) * v - M @ (M @ v), sk.transpose(sk.outer(M, v), 2, 0, 1), sk.inv(M).T @ v,
        -(M @ v), sk.diag(v) @ M / n, sk.grad(sk.logdet(M), M), sk.ones(n, n) - sk.eye(n),
    ):  # fmt: skip
        assert parse_expression(grammar_text(expression), scope) == expression


def test_nesting_is_bounded_before_python_is():
    text = "-" * 10_000 + "1"
    with pytest.raises(ModelFileError, match="too many signs"):
        parse_expression(text, {})
    with pytest.raises(ModelFileError, match="nested too deeply"):
        parse_expression("2**" * (DEEPEST_NESTING + 5) + "1", {})


def test_domain_errors_of_numbers_are_declaration_errors():
    with pytest.raises(DeclarationError, match="exact number"):
        sk.scalar("x", domain=("0", "1/0"))
