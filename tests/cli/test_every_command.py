"""What holds for every command: JSON, completion of names, one line for a mistake."""

import json

import pytest

from sdekit.cli.app import app, run
from sdekit.cli.scheme_commands import complete_models

#: Arguments with which each command does something short.
SAMPLES = {
    "list": [],
    "verify": ["langevin"],
    "schemes": ["langevin"],
    "order": ["langevin", "ABO"],
    "bias": ["langevin", "BAOAB", "--potential", "theta**2/2", "--set", "A=1"],
    "new": ["MODEL"],
    "show": ["heston"],
    "report": ["stochastic-gradient-flow", "--out", "REPORT"],
    "slurm": ["--parts", "2", "--", "sdekit", "simulate", "langevin", "--part", "{part}"],
}
#: Commands that need a run, a file of their own or a minute; they have the option all the same.
LONG = {"simulate", "expect", "compare", "check", "design"}


def commands():
    return {c.name or c.callback.__name__: c.callback for c in app.registered_commands}


def test_every_command_has_json():
    """Twin: a command of another name would be in neither list."""
    assert set(SAMPLES) | LONG <= set(commands())
    assert [n for n, call in commands().items() if "as_json" not in call.__annotations__] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_json_is_one_object_and_nothing_else(name, tmp_path, capsys):
    places = {"MODEL": str(tmp_path / "m.toml"), "REPORT": str(tmp_path / "r.md")}
    arguments = [places.get(word, word) for word in SAMPLES[name]]
    assert run([name, "--json", *arguments]) in (0, 3)
    assert json.loads(capsys.readouterr().out)


def test_the_shell_completes_names_of_both_lists_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sgnht-mine.toml").write_text("")
    found = complete_models("sgnht")
    assert {"sgnht", "sgnht-matrix", "sgnht-mine.toml"} <= set(found)
    assert complete_models("hm")[0].startswith("hmc") and complete_models("zzz") == []


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        (["bias", "langevin", "--potential", "theta**2/2"], "--set A=..."),
        (["bias", "langevin", "--set", "A=1"], "--potential"),
        (["verify", "langevim"], "did you mean langevin?"),
        (["verify", "sgnht", "--n", "k=2"], "no dimension k"),
        (["verify", "langevin", "--n", "0"], "an integer from 1"),
        (["bias", "langevin", "--potential", "theta**2/2", "--set", "A:1"], "--set A=1,mu=10"),
        (["order", "langevin", "BAXAB"], "letters out of A B O"),
        (["report", "langevin", "--out", "r.pdf"], ".html, .tex, .md"),
        (["verify", "nowhere.toml"], "no such model file"),
        (["simulate", "langevin", "--position", "q=1"], "--position theta=1"),
    ],
)
def test_a_mistake_is_one_line_with_its_fix_in_shell_words(arguments, fix, capsys):
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert fix in error and error.count("\n") == 1
    assert "parameters=" not in error and "Traceback" not in error


def test_a_command_that_is_interrupted_says_how_far_it_came(monkeypatch, capsys):
    """Twin: Typer by itself gives the status alone."""

    def stopped():
        raise KeyboardInterrupt("interrupted after draw 3 of 9: the same call with resume=True")

    monkeypatch.setattr("sdekit.catalog.entries", stopped)
    assert run(["list"]) == 130
    told = capsys.readouterr()
    assert told.err.startswith("sdekit: interrupted after draw 3 of 9") and told.out == ""
    assert "--resume" in told.err
