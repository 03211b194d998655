"""Kernels written by hand, or changed, to have something false certified."""

import copy
import json

import pytest

from sdekit.certificates.checker import kernel_steps
from sdekit.certificates.kernel_certificates import recheck_kernel
from tests.certificates.test_kernel_certificates import content

ONE, THETA, P = ["number", "1"], ["symbol", "theta"], ["symbol", "p"]


def changed(name, number, **changes):
    """The certificate of a kernel with one step changed."""
    forged = copy.deepcopy(content(name))
    forged["model"]["steps"][number] |= changes
    return forged


def with_letter(name, letter, **changes):
    forged = copy.deepcopy(content(name))
    forged["model"]["steps"][-1]["letters"][letter] |= changes
    return forged


def is_certified(forged):
    return recheck_kernel(forged).verdict is not None


def test_any_step_that_the_flip_undoes_is_one():
    """Twin of what follows: (B A B) with twice the force is still an involution, and accepted."""
    twice = {"p": ["product", ["number", "-2"], ["grad", ["symbol", "U"], "theta"]]}
    assert is_certified(with_letter("hmc", "B", drift=twice))
    assert is_certified(changed("hmc", 1, word=[["A", "1/2"], ["B", "1"], ["A", "1/2"]]))


@pytest.mark.parametrize(
    "drift",
    [
        {"p": ["product", ["number", "-1"], P]},  # friction is not undone by the flip
        {"p": ["grad", ["symbol", "U"], "theta"], "theta": P},  # moves what it reads
        {"p": ["product", ["contract", P, P, 1], P]},  # runs to infinity
        {"p": ["power", P, "2"]},
        {"z": P},
    ],
)
def test_a_letter_that_the_flip_does_not_undo_is_refused(drift):
    forged = with_letter("hmc", "B", drift=drift)
    try:
        assert not is_certified(forged)
    except Exception as error:  # noqa: BLE001 - whichever way it is unreadable
        assert "no usable certificate" in str(error)


@pytest.mark.parametrize(
    ("name", "number", "changes"),
    [
        ("hmc", 1, {"flip": []}),
        ("hmc", 1, {"flip": ["theta"]}),
        ("hmc", 1, {"flip": ["p", "p"]}),
        ("hmc", 1, {"accept": "always"}),
        ("hmc", 1, {"energy": ["symbol", "U"]}),
        ("hmc", 1, {"word": [["B", "1/2"], ["A", "1"], ["B", "1/3"]]}),
        ("hmc", 1, {"word": []}),
        ("hmc", 1, {"steps": -1}),
        ("hmc", 1, {"steps": "-1"}),
        ("hmc", 1, {"steps": "theta"}),
        ("hmc", 0, {"keep": ["number", "2"]}),
        ("hmc", 1, {"step_size": ["symbol", "U"]}),
        ("hmc", 0, {"law": ["contract", P, P, 1]}),
        ("hmc", 0, {"variables": ["theta", "p"], "keep": ["number", "1/2"]}),
        ("hmc", 0, {"keep": ["number", "1/2"], "noise": ["number", "1/2"]}),
        ("hmc", 0, {"kind": "redraw"}),
        ("generalized-hmc", 2, {"flip": ["theta"]}),
        ("hmc-randomized", 1, {"steps": [[1, ["number", "1/2"]], [2, ["number", "1/4"]]]}),
        ("hmc-randomized", 1, {"steps": [[1, ["number", "3/2"]], [2, ["number", "-1/2"]]]}),
        ("nose-hoover-adjusted", 2, {"flip": ["p"]}),
        ("malt", 1, {"step_size": ["product", ["number", "-1"], ["symbol", "h"]]}),
    ],
)
def test_a_step_that_does_not_keep_the_law_is_refused(name, number, changes):
    assert is_certified(content(name))
    assert not is_certified(changed(name, number, **changes))


def test_a_letter_with_noise_has_to_be_in_balance():
    assert is_certified(content("malt"))
    eye = ["eye", ["n"]]
    for D in (eye, ["product", ["number", "-1"], ["symbol", "A"], eye]):
        assert not is_certified(with_letter("malt", "O", diffusion=[["p", "p", D]]))


def test_the_log_volume_that_is_counted_is_the_true_one():
    letters = content("nose-hoover-adjusted")["model"]["steps"][2]["letters"]
    friction = [k for k, v in letters.items() if "xi" in json.dumps(v["drift"].get("p", ""))]
    for letter in friction:
        volume = ["product", ["number", "-1"], ["size", "n"], ["symbol", "xi"]]
        assert is_certified(with_letter("nose-hoover-adjusted", letter, log_volume=volume))
        for wrong in (["number", "0"], ["symbol", "xi"]):
            assert not is_certified(with_letter("nose-hoover-adjusted", letter, log_volume=wrong))
    assert friction


def test_a_walk_may_be_taken_for_symmetric_and_another_jump_not():
    for name, is_right in (("random-walk", True), ("mala", False)):
        forged = copy.deepcopy(content(name))
        forged["model"]["steps"][0]["jump"]["symmetric"] = True
        assert is_certified(forged) == is_right
        forged["model"]["steps"][0]["jump"]["scale"] = ["symbol", "U"]
        assert not is_certified(forged)


def test_a_closed_form_has_to_undo_itself():
    a, exp = ["symbol", "a"], ["function", "exp", ["symbol", "a"]]
    back = ["product", ["number", "-1"], a]
    for images, is_right in [
        ({"theta": ["product", exp, THETA], "a": back}, True),
        ({"theta": ["product", exp, THETA]}, False),
        ({"theta": ["product", ["power", ["symbol", "U"], "0"], exp, THETA], "a": back}, True),
        ({"theta": ["product", ["symbol", "U"], THETA], "a": back}, False),
        ({"theta": ["product", exp, ["grad", ["contract", THETA, THETA, 1], "theta"]]}, False),
        ({"theta": THETA, "a": a}, True),
    ]:
        assert is_certified(changed("dilation", 1, map=images)) == is_right, images
    assert not is_certified(changed("dilation", 1, flip=["theta"]))


def test_delayed_rejection_remembers_and_has_no_noise():
    assert is_certified(content("hmc-delayed"))
    assert not is_certified(changed("hmc-delayed", 1, remembers=False))
    attempt = {k: v for k, v in content("malt")["model"]["steps"][1].items() if k != "kind"}
    forged = copy.deepcopy(content("malt"))
    forged["model"]["steps"][1] = {"kind": "delayed", "remembers": True, "first": attempt}
    forged["model"]["steps"][1]["second"] = attempt
    assert not is_certified(forged)
    second = {**content("hmc-delayed")["model"]["steps"][1]["second"], "flip": []}
    assert not is_certified(changed("hmc-delayed", 1, second=second))


def test_a_law_that_moves_or_is_none_is_refused():
    forged = copy.deepcopy(content("hmc"))
    forged["model"]["drift"]["theta"] = P
    assert recheck_kernel(forged).rejected is not None
    forged = copy.deepcopy(content("hmc"))
    forged["law"]["normalizable"]["target"] = []
    assert not is_certified(forged)
    assert recheck_kernel({**content("hmc"), "claim": {"verdict": "refuted"}}).rejected
    assert recheck_kernel({**content("hmc"), "format": 3}).rejected


def test_text_that_is_no_certificate_ends_in_one_line(tmp_path, capsys):
    path = tmp_path / "bad.json"
    for text in ("", "[]", '{"format": 3}', '{"a": 1, "a": 1}'):
        path.write_text(text)
        assert kernel_steps._main(path) in (1, 2)
        assert capsys.readouterr().out.count("\n") == 1
