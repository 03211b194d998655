"""The command line: exit statuses, one line for every mistake, the same text as from Python."""

import json

import pytest

import sdekit as sk
from sdekit.cli.app import run
from sdekit.kernels.kernel_file import loads

SGNHT = sk.catalog.get("sgnht").to_toml()


@pytest.fixture
def model(tmp_path):
    """Writes the text of a model file and gives its path."""

    def write(text, name="model.toml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_help_names_every_command(capsys):
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for command in ("list", "verify", "check", "simulate", "report"):
        assert command in shown


def test_version_is_that_of_the_package(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == sk.__version__


def test_list_shows_every_entry(capsys):
    assert run(["list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in sk.catalog.names())


def test_list_as_json_is_the_catalogue(capsys):
    assert run(["list", "--json"]) == 0
    assert [e["name"] for e in json.loads(capsys.readouterr().out)] == list(sk.catalog.names())


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["sgnht"], 0, "sgnht (all n): PROVED"),
        (["sgnht", "--n", "2"], 0, "sgnht (n=2): PROVED"),
        (["gle-memory", "--n", "n=2,k=1"], 0, "PROVED"),
        (["sgnht-centre"], 1, "REFUTED"),
        (["mclmc-2d"], 0, "mclmc-2d (components): PROVED"),
        (["stochastic-gradient-flow"], 3, "UNDECIDED"),
    ],
)
def test_the_exit_status_tells_the_verdict(arguments, status, word, capsys):
    assert run(["verify", *arguments]) == status
    assert word in capsys.readouterr().out


def test_json_is_the_verification(capsys):
    assert run(["verify", "sgnht", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    expected = sk.verify(sk.catalog.get("sgnht")).to_dict()
    for data in (shown, expected):
        del data["seconds"]
    assert shown == expected


def test_a_model_file_is_proved_and_its_mistake_refuted(model, capsys):
    assert run(["verify", model(SGNHT)]) == 0
    assert "all n" in capsys.readouterr().out
    mistaken = SGNHT.replace('xi = "(dot(p, p) - n)/mu"', 'xi = "(dot(p, p) - n)/2"')
    assert mistaken != SGNHT
    assert run(["verify", model(mistaken)]) == 1
    shown = capsys.readouterr().out
    assert "REFUTED" in shown and "witness" in shown


def test_a_repair_is_offered_where_a_small_change_is_proved(capsys):
    assert run(["verify", "sghmc-unmatched"]) == 1
    assert "proved instead with diffusion of (p, p): A*eye(n)" in capsys.readouterr().out
    assert run(["verify", "sghmc-unmatched", "--json"]) == 1
    first = json.loads(capsys.readouterr().out)["repairs"][0]
    assert first["kind"] == "noise level" and "[drift]" in first["model"]
    assert run(["verify", "sghmc", "--json"]) == 0
    assert "repairs" not in json.loads(capsys.readouterr().out)


MISTAKES = {
    "no command": (["verfy"], "verfy"),
    "no name": (["verify"], "NAME_OR_FILE"),
    "misspelt name": (["verify", "sgnth"], "did you mean sgnht"),
    "no such file": (["verify", "nowhere/model.toml"], "nowhere/model.toml"),
    "no such option": (["verify", "sgnht", "--m", "2"], "--m"),
    "size zero": (["verify", "sgnht", "--n", "0"], "integer from 1"),
    "size in letters": (["verify", "sgnht", "--n", "two"], "two"),
    "huge size": (["verify", "sgnht", "--n", "9" * 30], "integer from 1"),
    "unknown dimension": (["verify", "sgnht", "--n", "k=2"], "no dimension k"),
    "size without a name": (["verify", "gle-memory", "--n", "2"], "several dimensions"),
    "size missing": (["verify", "gle-memory", "--n", "n=2"], "no size for k"),
    "size for scalars": (["verify", "mclmc-2d", "--n", "2"], "scalar"),
    "budget": (["verify", "sgnht", "--budget", "-1"], "budget"),
    "no certificate": (["check", "nowhere.json"], "nowhere.json"),
    "report format": (["report", "sgnht", "--out", "report.pdf"], "report.pdf"),
    "report folder": (["report", "sgnht", "--out", "nowhere/report.html"], "nowhere"),
    "no target": (["simulate", "sgnht", "--potential", "doublewell"], "double-well"),
    "bad value": (["simulate", "sgnht", "--set", "A=one"], "A=one"),
    "no steps": (["simulate", "sgnht", "--steps", "0"], "steps"),
    "bad scheme": (["simulate", "sgnht", "--steps", "10", "--scheme", "BAXAB"], "X"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line_with_status_2(mistake, capsys):
    arguments, expected = MISTAKES[mistake]
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("sdekit: ")
    assert expected in captured.err


@pytest.mark.parametrize(
    ("written", "mistyped", "named"),
    [
        ("dot(p, p)", "dto(p, p)", "dto"),
        ("-grad(U(theta), theta) - xi*p", "-grad(U(theta), theta) - xi*q", "q"),
        ("[drift]", "[drfit]", "drfit"),
        ('p = "A*eye(n)"', 'p = "A*eye(n"', "diffusion.p"),
        ('n = "any"', 'n = "some"', "some"),
    ],
)
def test_a_typo_in_a_file_is_named_with_its_place(written, mistyped, named, model, capsys):
    assert written in SGNHT
    assert run(["verify", model(SGNHT.replace(written, mistyped))]) == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1


def test_a_certificate_is_accepted_and_a_tampered_one_rejected(tmp_path, capsys):
    path = tmp_path / "sgnht.json"
    assert run(["verify", "sgnht", "--certificate", str(path)]) == 0
    assert capsys.readouterr().out.count("+ certified") == 7
    assert run(["check", str(path), "--model", "sgnht"]) == 0
    assert "CERTIFIED, proved" in capsys.readouterr().out
    assert run(["check", str(path), "--model", "langevin"]) == 1
    content = json.loads(path.read_text())
    content["claim"]["verdict"] = "refuted"
    path.write_text(json.dumps(content))
    assert run(["check", str(path)]) == 1
    assert "REJECTED" in capsys.readouterr().out
    content["rungs"]["diffusion_psd"]["verdict"] = "undecided"
    path.write_text(json.dumps(content))
    assert run(["check", str(path)]) == 3
    assert "? not certified" in capsys.readouterr().out
    content["model"]["drift"] = 3
    path.write_text(json.dumps(content))
    assert run(["check", str(path)]) == 2


def test_a_verdict_is_shown_also_where_no_theorem_can_be_written(tmp_path, capsys):
    path = tmp_path / "sgnht.v"
    assert run(["verify", "sgnht-sign", "--coq", str(path)]) == 2
    shown = capsys.readouterr()
    assert "REFUTED" in shown.out
    assert shown.err.count("\n") == 1
    assert not path.exists()


def test_the_order_of_a_word_is_shown(capsys):
    assert run(["order", "langevin", "BAOAB"]) == 0
    assert "weak order 2, invariant-measure order 2" in capsys.readouterr().out
    assert run(["order", "langevin", "BAO", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["weak_order"] == 1


def test_the_schemes_of_a_dynamics_are_listed(capsys):
    assert run(["schemes", "langevin"]) == 0
    shown = capsys.readouterr().out
    assert (
        "O  friction and noise, exact flow" in shown and "ABOBA" in shown and "Algorithm1" in shown
    )
    assert run(["schemes", "overdamped", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["default"] == "EM"
    assert "Algorithm1" not in [record["name"] for record in data["named"]]


def test_the_bias_of_a_word_is_shown_with_a_step_size_for_it(capsys):
    arguments = ["bias", "overdamped", "EM", "--potential", "theta**2/2"]
    assert run([*arguments, "--json", "--tolerance", "0.01"]) == 0
    shown = json.loads(capsys.readouterr().out)
    # <theta^2> of Euler-Maruyama is 1/(1 - h/2) = 1 + h/2 + ...
    assert shown["leading_bias"]["coefficient"] == pytest.approx(0.5, abs=1e-8)
    assert shown["step_size"] == pytest.approx(0.02, rel=1e-6)
    assert run([*arguments, "--tolerance", "0.01"]) == 0
    assert "step size for a bias of 0.01: 0.02" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["order", "langevin", "BAXAB"], "X"),
        (["order", "langevin", "BAB"], "O"),
        (["bias", "langevin", "--set", "A=1"], "potential"),
        (["bias", "langevin", "--set", "A=1", "--potential", "theta**2 +"], "syntax"),
    ],
)
def test_a_mistaken_word_or_potential_is_named(arguments, named, capsys):
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1


def test_a_kernel_is_decided_by_name_and_as_a_file(capsys, tmp_path):
    from sdekit.catalog.markov_kernels import ENTRIES

    assert run(["verify", "malt", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["scope"]) == ("malt", "all n")
    assert run(["verify", "hmc-half-step"]) == 1
    assert "acceptance" in capsys.readouterr().out
    path = tmp_path / "hmc.toml"
    path.write_text(ENTRIES[0].model_file())
    assert run(["verify", str(path)]) == 0
    # Not at a size, and nothing else is done with kernels.
    assert run(["verify", str(path), "--n", "2"]) == 2
    assert run(["order", str(path)]) == 2


def test_the_kernels_of_the_catalogue_are_listed(capsys):
    assert run(["list", "--kernels", "--json"]) == 0
    names = [entry["name"] for entry in json.loads(capsys.readouterr().out)]
    assert names == list(sk.kernels.published_kernels())


def test_show_prints_the_declaration_its_facts_and_its_example(capsys):
    assert run(["show", "cir"]) == 0
    shown = capsys.readouterr().out
    assert "Cox, Ingersoll and Ross 1985" in shown
    assert "E[r**2] tends to b**2 + b*sigma**2/(2*a)" in shown
    assert "example: r = 0.05, a = 0.8" in shown


def test_show_prints_a_model_file(capsys):
    assert run(["show", "heston", "--toml"]) == 0
    assert loads(capsys.readouterr().out) == sk.catalog.get("heston")
