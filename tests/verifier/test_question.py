"""One rung asks another through `Problem.check`, which decides each claim once."""

import ast
from pathlib import Path

import pytest

import sdekit
from sdekit.calculus.limits import BudgetExceeded
from sdekit.verifier.question import Problem
from sdekit.verifier.rung_table import RUNGS
from sdekit.verifier.rungs import definiteness
from sdekit.verifier.verdict import Verdict
from tests.verifier.models import sgnht

RUNG_FILES = sorted((Path(sdekit.__file__).parent / "verifier").rglob("*.py"))
#: The functions of the table; `check_boundary`, a part of stationarity, is none of them.
DECIDERS = {rung.function for rung in RUNGS}


def deciders_named(source: str) -> set[str]:
    """Functions of rungs that a module imports or asks of another module."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found & DECIDERS


@pytest.mark.parametrize("path", RUNG_FILES, ids=lambda path: path.name)
def test_no_module_of_the_verifier_asks_a_rung_behind_the_problem(path):
    assert deciders_named(path.read_text(encoding="utf-8")) == set()


def test_asking_a_rung_behind_the_problem_is_found():
    """Twin: in every way of writing it."""
    for line in (
        "from sdekit.verifier.rungs.definiteness import check_psd",
        "def f(p):\n    from sdekit.verifier.rungs.definiteness import check_psd as psd",
        "definiteness.check_psd(problem)",
    ):
        assert deciders_named(line) == {"check_psd"}


def counted(monkeypatch, fault: Exception | None = None) -> list[Problem]:
    """Every problem that the rung of semidefiniteness is asked, from now on."""
    asked = []
    real = definiteness.check_psd

    def counting(problem):
        asked.append(problem)
        if fault is not None:
            raise fault
        return real(problem)

    monkeypatch.setattr(definiteness, "check_psd", counting)
    return asked


def test_an_answer_is_remembered_per_problem(monkeypatch):
    asked = counted(monkeypatch)
    problem = Problem(sgnht())
    assert problem.check("diffusion_psd") is problem.check("diffusion_psd")
    assert len(asked) == 1
    Problem(sgnht()).check("diffusion_psd")
    assert len(asked) == 2


def test_a_fault_of_the_rung_that_is_asked_is_undecided_and_remembered(monkeypatch):
    asked = counted(monkeypatch, ZeroDivisionError("planted"))
    problem = Problem(sgnht())
    for _ in range(2):
        found = problem.check("diffusion_psd")
        assert found.verdict is Verdict.UNDECIDED
        assert found.reason == "the check ended in ZeroDivisionError: planted"
    assert len(asked) == 1


def test_an_answer_cut_by_time_is_not_remembered(monkeypatch):
    asked = counted(monkeypatch, BudgetExceeded("planted"))
    problem = Problem(sgnht())
    for _ in range(2):
        with pytest.raises(BudgetExceeded, match="planted"):
            problem.check("diffusion_psd")
    assert len(asked) == 2


def test_a_rung_that_does_not_exist_is_a_bug_of_ours():
    with pytest.raises(KeyError, match="diffusion_pds"):
        Problem(sgnht()).check("diffusion_pds")
