"""`sdekit order` and `sdekit bias` print what the functions of the same names return."""

from __future__ import annotations

import json

import pytest

from sdekit.cli.app import run


def test_bias_prints_orders_and_the_leading_bias(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bias", "langevin", "BAOAB", "--potential", "theta**2/2 + theta**4/20"]
    assert run([*command, "--set", "A=2", "--observable", "theta**2", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["weak_order"], data["invariant_order"]) == (2, 2)
    assert data["leading_bias"]["power"] == 2
    assert data["leading_bias"]["coefficient"] == pytest.approx(-0.00184246694, rel=1e-6)


def test_order_prints_the_leading_term(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["order", "overdamped", "EM"]) == 0
    shown = capsys.readouterr().out
    assert "weak order 1" in shown
    assert "modified density g = U'**2/4 - U''/2" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["order", "langevin", "BAB"], "leaves out O"),
        (["bias", "langevin", "BAOAB", "--potential", "theta**", "--set", "A=2"], "potential"),
        (["bias", "langevin", "--potential", "theta**2"], "no value is given for A"),
    ],
)
def test_a_mistake_gets_one_clear_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert message in capsys.readouterr().err
