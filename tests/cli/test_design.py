"""`sdekit design`: what is found, and the exit status of each answer."""

import json

import pytest

from sdekit.cli.app import run
from tests.declaration.model.test_design_file import POSED


@pytest.fixture
def model(tmp_path):
    def write(text):
        path = tmp_path / "model.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_families_are_printed_with_their_verdict(model, capsys):
    assert run(["design", model(POSED)]) == 0
    shown = capsys.readouterr().out
    assert "PROVED" in shown and "c0 = -(c2*n)" in shown and "where c2 > 0" in shown


def test_json_and_a_report_carry_the_design(model, capsys, tmp_path):
    report = tmp_path / "design.md"
    assert run(["design", model(POSED), "--json", "--report", str(report)]) == 0
    (found,) = json.loads(capsys.readouterr().out)["designs"]
    assert found["verdict"] == "proved" and found["conditions"] == ["c2 > 0"]
    assert "[drift]" in found["model"]
    text = report.read_text(encoding="utf-8")
    assert "The equations" in text and "dot(p, p)" in text and "The solution" in text


def test_none_undecided_and_bad_input_have_their_exit_status(model, capsys):
    impossible = POSED.replace("c2*dot(p, p) + c0", "c2*xi + c0")
    assert run(["design", model(impossible)]) == 1
    assert "no design" in capsys.readouterr().out
    hidden = POSED.replace("c2*dot(p, p) + c0", "c2*dot(p, p) + sin(c0*xi)")
    assert run(["design", model(hidden)]) == 3
    assert "no proof" in capsys.readouterr().err
    assert run(["design", model(POSED.replace("[unknowns]", "[unknown]"))]) == 2


def test_the_help_names_the_table_of_the_file(capsys):
    assert run(["design", "--help"]) == 0
    assert "[unknowns]" in capsys.readouterr().out
