"""Certificates that somebody wrote by hand to have something false certified."""

import copy
import json

import pytest

from sdekit.certificates.checker import check
from sdekit.certificates.export import recheck
from tests.certificates.test_checker import changed, content


def lie(symbols, H, D="1", drift=None, **claims):
    """A certificate written by hand for one scalar x, with these rungs; others are open."""
    model = {
        "dimensions": {"n": None},
        "symbols": {"x": {"role": "variable", "shape": []}, **symbols},
        "drift": {"x": drift or ["product", ["number", "-1"], ["grad", H, "x"]]},
        "diffusion": [["x", "x", ["number", D] if isinstance(D, str) else D]],
        "hamiltonian": H,
        "target": H,
        "target_variables": ["x"],
    }
    verdict = "refuted" if any("values" in rung for rung in claims.values()) else "proved"
    rungs = {name: {"verdict": "undecided"} for name in check.RUNGS}
    rungs |= {name: {"verdict": verdict, "evidence": rung} for name, rung in claims.items()}
    claim = {"verdict": verdict, "conditional": False, "sizes": {}}
    return {"format": check.FORMAT, "model": model, "claim": claim, "rungs": rungs}


X = ["symbol", "x"]
GAUSS = ["product", ["number", "1/2"], ["power", X, "2"]]
U = {"role": "function", "shape": [], "of": ["x"]}


def test_a_sum_of_ones_counts_them():
    """xi' = (p.p - n 1.1)/mu is off by the factor n of 1.1 = n."""
    one = '["contract", ["ones", ["n"]], ["ones", ["n"]], 1]'
    size = '["size", "n"]'
    right = changed("sgnht", size, one, "model", "drift")
    assert recheck(right).rungs["stationarity"][0]
    wrong = changed("sgnht", size, f'["product", {size}, {one}]', "model", "drift")
    assert not recheck(wrong).rungs["stationarity"][0]


def test_a_convex_function_does_not_curve_downwards():
    """D = U'': no point with U'' = -1 refutes it where U is convex; of a free U it does."""
    D = ["grad", ["grad", ["symbol", "U"], "x"], "x"]
    point = {"sizes": {"n": 1}, "values": [["x", [], [], "0"], ["U", ["x", "x"], [], "-1"]]}
    evidence = {**point, "direction": [["x", [], "1"]]}
    assert recheck(lie({"U": U}, GAUSS, D, diffusion_psd=evidence)).verdict == "refuted"
    convex = lie({"U": {**U, "assumptions": ["convex"]}}, GAUSS, D, diffusion_psd=evidence)
    assert "the value of U" in recheck(convex).rungs["diffusion_psd"][1]


def test_nothing_is_refuted_where_the_model_is_not_defined():
    """D = sqrt(x) sqrt(x) is no matrix at x = -1."""
    root = ["power", X, "1/2"]
    point = {"sizes": {"n": 1}, "values": [["x", [], [], "-1"]], "direction": [["x", [], "1"]]}
    found = recheck(lie({}, GAUSS, ["product", root, root], diffusion_psd=point))
    assert (found.verdict, found.rungs["diffusion_psd"][0]) == (None, False)


def test_an_energy_with_a_pole_on_the_circle_is_not_integrable():
    """exp(-H) = sin(x)^-8."""
    circle = {"x": {"role": "variable", "shape": [], "domain": {"kind": "circle"}}}
    log = ["function", "log", ["power", ["function", "sin", X], "2"]]
    H = ["product", ["number", "4"], log]
    block = {"kind": "uniform", "blocks": ["x"], "energy": H}
    evidence = {"blocks": [], "target": [block]}
    found = recheck(lie(circle, H, regularity={}, normalizable=evidence))
    assert not found.rungs["normalizable"][0]
    sine = ["function", "sin", X]
    block["energy"] = sine
    assert not recheck(lie(circle, X, normalizable=evidence)).rungs["normalizable"][0]
    smooth = lie(circle, sine, regularity={}, normalizable=evidence)
    assert recheck(smooth).rungs["normalizable"][0]


@pytest.mark.parametrize(
    ("symbols", "H"),
    [
        (
            {"P": {"role": "parameter", "shape": ["n", "n"], "assumptions": ["positive_definite"]}},
            GAUSS,
        ),
        ({"P": {"role": "parameter", "shape": ["n"], "symmetry": "symmetric"}}, GAUSS),
        ({"U": {**U, "of": "x"}}, GAUSS),
        ({"(), [((), 1)]": {"role": "parameter", "shape": []}}, GAUSS),
        ({"\u0445": {"role": "parameter", "shape": []}}, GAUSS),
        ({"k": {"role": "parameter", "shape": [], "domain": {"kind": "positive"}}}, GAUSS),
        ({"k": {"role": "parameter", "shape": []}}, ["grad", ["symbol", "k"], "k"]),
        ({}, ["number", 1]),
        ({}, ["number", "1e99999999"]),
        ({}, ["number", "NaN"]),
        ({}, ["number", "1", "2"]),
        ({}, ["power", X, "999999999"]),
        ({}, ["contract", ["ones", ["n"]], X, -1]),
        ({}, ["contract", ["ones", ["n"]], ["ones", ["n"]], 2]),
    ],
)
def test_models_that_mean_nothing_are_not_certified(symbols, H):
    found = recheck(lie(symbols, H, diffusion_symmetric={}))
    assert not found.rungs["diffusion_symmetric"][0]
    assert recheck(lie({}, GAUSS, diffusion_symmetric={})).rungs["diffusion_symmetric"][0]


def test_a_size_that_the_model_fixes_cannot_be_claimed_to_be_another():
    tampered = copy.deepcopy(content("langevin", 2))
    tampered["model"]["dimensions"]["n"] = 3
    assert recheck(tampered).verdict is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"claim": 1, "claim": 2}', "REJECTED: a key is there twice"),
        ('{"format": NaN}', "REJECTED:"),
        ('{"format": 2.5}', "REJECTED:"),
        ("[" * 100_000, "NO CERTIFICATE: RecursionError"),
        ('{"format": 2, "claim": {}}', "NO CERTIFICATE: KeyError"),
        ("", "NO CERTIFICATE:"),
    ],
)
def test_text_that_is_no_certificate_ends_in_one_clear_line(text, said, tmp_path, capsys):
    path = tmp_path / "bad.json"
    path.write_text(text)
    assert check._main(path) in (1, 2)
    out = capsys.readouterr().out
    assert out.startswith(said)
    assert out.count("\n") == 1


def test_the_last_line_says_the_sizes_and_the_condition(tmp_path, capsys):
    """A proof at n = 2, or one under a condition, does not read like one without."""
    path = tmp_path / "one.json"
    for name, n, said in [
        ("langevin", 2, "CERTIFIED: proved, at n = 2"),
        ("sgrld", None, "CERTIFIED: proved, if solutions do not explode"),
    ]:
        forged = copy.deepcopy(content(name, n))
        path.write_text(json.dumps(forged))
        check._main(path)
        assert capsys.readouterr().out.splitlines()[-1] == said
    forged["rungs"]["stationarity"] = {"verdict": "undecided", "open": "\nCERTIFIED: proved"}
    path.write_text(json.dumps(forged))
    assert check._main(path) == 3
    assert "\nCERTIFIED" not in capsys.readouterr().out


def test_a_direction_has_the_shape_and_symmetry_of_its_variable():
    """z . D z = -(z_12 - z_21)^2 is zero for symmetric z; beyond the sizes there is no z."""
    S = ["symbol", "S"]
    matrix = {"role": "variable", "shape": ["n", "n"], "symmetry": "symmetric"}
    swap = ["transpose", ["eye", ["n", "n"]], [0, 1, 3, 2]]
    D = ["sum", swap, ["product", ["number", "-1"], ["eye", ["n", "n"]]]]
    H = ["contract", S, S, 2]
    model = {
        "dimensions": {"n": None},
        "symbols": {"S": matrix},
        "drift": {"S": ["product", ["number", "0"], S]},
        "diffusion": [["S", "S", D]],
        "hamiltonian": H,
        "target": H,
        "target_variables": ["S"],
    }
    for direction, said in [
        ([["S", [0, 1], "1"], ["S", [1, 0], "-1"]], "the direction in S"),
        ([["S", [0, 1], "1"]], "the direction in S"),
        ([["S", [0, 7], "1"], ["S", [7, 0], "1"]], "the direction in S"),
        ([["S", [0, 1], "1"], ["S", [1, 0], "1"]], "the claim holds at the point"),
    ]:
        point = {"sizes": {"n": 2}, "values": [], "direction": direction}
        forged = {**lie({}, GAUSS, diffusion_psd=point), "model": model}
        assert recheck(forged).rungs["diffusion_psd"] == (False, said)
    del matrix["symmetry"]
    point["direction"] = [["S", [0, 1], "1"], ["S", [1, 0], "-1"]]
    assert recheck(forged).rungs["diffusion_psd"] == (True, "refuted")


def test_a_model_about_nothing_is_not_certified():
    """Without variables, or without a variable of the target, every claim is empty."""
    empty = lie({}, ["number", "0"], diffusion_symmetric={})
    assert recheck(empty).rungs["diffusion_symmetric"][0]
    empty["model"]["target_variables"] = []
    assert not recheck(empty).rungs["diffusion_symmetric"][0]
    empty["model"] |= {"symbols": {}, "drift": {}, "diffusion": []}
    assert not recheck(empty).rungs["diffusion_symmetric"][0]


def test_a_tree_that_shows_a_sign_has_to_be_the_same():
    """D = x is not x^2; D = (x + 1)^2 - 2 x is x^2 + 1, which shows that it is positive."""
    square, one = ["power", X, "2"], ["number", "1"]
    forged = {**lie({}, GAUSS, X, diffusion_psd={}), "shown": [[X, square]]}
    assert not recheck(forged).rungs["diffusion_psd"][0]
    D = ["sum", ["power", ["sum", X, one], "2"], ["product", ["number", "-2"], X]]
    honest = {**lie({}, GAUSS, D, diffusion_psd={}), "shown": [[D, ["sum", square, one]]]}
    assert recheck(honest).rungs["diffusion_psd"][0]
    assert not recheck({**honest, "shown": []}).rungs["diffusion_psd"][0]


def test_forms_that_only_look_like_kernels_are_none():
    """B M B is no B M B^T, and a pairing of other indices is no Kronecker product."""
    square = {"role": "parameter", "shape": ["n", "n"]}
    symbols = {
        "x": {"role": "variable", "shape": ["n"]},
        "z": {"role": "variable", "shape": ["n", "n"]},
        "B": square,
        "P": {**square, "symmetry": "symmetric", "assumptions": ["positive_definite"]},
    }
    symbols["Q"] = symbols["P"]
    model = {**lie({}, GAUSS)["model"], "symbols": symbols}
    m = check.Claims({**model, "drift": {"x": X, "z": ["symbol", "z"]}, "diffusion": [],
                      "hamiltonian": ["number", "0"], "target": ["number", "0"]}, {})  # fmt: skip
    B, P = ["symbol", "B"], ["symbol", "P"]
    turned = ["transpose", B, [1, 0]]
    pair = ["contract", P, ["symbol", "Q"], 0]
    assert m.form_sign(["contract", B, ["contract", P, turned, 1], 1])
    assert m.form_sign(["contract", B, turned, 1])
    assert m.form_sign(["transpose", pair, [0, 2, 1, 3]])
    for tree in (["contract", B, ["contract", P, B, 1], 1], ["contract", B, B, 1], B, pair,
                 ["contract", B, ["contract", B, turned, 1], 1]):  # fmt: skip
        assert not m.form_sign(tree), tree


def test_a_lyapunov_function_does_not_pull_through_the_end_of_a_half_line():
    """(x - 1)^2 grows at a reflecting end x = 0; x^2 does not."""
    half = {"x": {"role": "variable", "shape": [], "domain": {"kind": "positive"}}}
    block = {"kind": "gaussian", "blocks": ["x"], "form": ["number", "1"], "mean": ["number", "0"]}
    evidence = {"kind": "lyapunov", "blocks": [block], "damping": ["number", "0"]}
    assert recheck(lie(half, GAUSS, non_explosion=evidence)).rungs["non_explosion"][0]
    block["mean"] = ["number", "1"]
    found = recheck(lie(half, GAUSS, non_explosion=evidence)).rungs["non_explosion"]
    assert found == (False, "V at the end of ['x']")


def test_the_determinant_of_a_varying_form_is_the_one_whose_slope_fits():
    """p Gaussian with the form 1/(1 + x^2): half its logarithm is left, and nothing else."""
    one, two, p = ["number", "1"], ["number", "2"], ["symbol", "p"]
    q = ["sum", one, ["power", X, "2"]]
    form, half = ["power", q, "-1"], ["number", "1/2"]
    left = ["product", half, ["function", "log", q]]
    joint = ["sum", GAUSS, left, ["product", half, form, ["power", p, "2"]]]
    forged = lie({"p": {"role": "variable", "shape": []}}, joint, marginalization={})
    forged["model"] |= {"target": GAUSS, "drift": {"x": one, "p": one}}
    block = {"kind": "gaussian", "blocks": ["p"], "mean": ["number", "0"], "form": form}
    block |= {"inverse": q, "logdet": ["product", ["number", "-1"], ["function", "log", q]]}
    rung = forged["rungs"]["marginalization"]
    rung["evidence"] = {"blocks": [block]}
    assert recheck(forged).rungs["marginalization"][0]
    for change in ({"logdet": ["function", "log", q]}, {"inverse": ["product", two, q]},
                   {"logdet": ["number", "0"]}):  # fmt: skip
        rung["evidence"] = {"blocks": [block | change]}
        assert not recheck(forged).rungs["marginalization"][0]
