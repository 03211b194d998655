"""The README tells the truth: its code runs, its commands are the ones that are tested."""

import doctest
import re
from pathlib import Path

import pytest

from sdekit.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks_under(heading: str) -> list[str]:
    """The fenced blocks between a heading and the next one of its level."""
    section = re.split(r"^## ", README, flags=re.MULTILINE)
    body = next(part for part in section if part.startswith(f"{heading}\n"))
    return re.findall(r"^```\w*\n(.*?)^```", body, flags=re.MULTILINE | re.DOTALL)


def test_the_code_of_the_readme_runs():
    result = doctest.testfile(
        str(ROOT / "README.md"), module_relative=False, optionflags=doctest.ELLIPSIS
    )
    assert result.attempted > 5
    assert result.failed == 0


@pytest.mark.parametrize("heading", ["Run", "Test"])
def test_run_and_test_are_one_command_each(heading):
    (block,) = blocks_under(heading)
    assert block.count("\n") == 1
    assert "-c constraints.txt" in block


def test_the_commands_named_in_the_readme_exist():
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    named = set(re.findall(r"^sdekit (\w+)", README, flags=re.MULTILINE))
    assert named <= known
    assert {"list", "verify", "simulate", "report"} <= named


def test_the_continuous_run_takes_its_command_from_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    assert "## Test" in script
    assert blocks_under("Test")[0].strip() not in script


def named_paths(text: str) -> list[str]:
    """Files and folders of this repository that a text names."""
    return re.findall(r"(?<![\w/])(?:sdekit|tests|docs|examples)/[\w/.]*\w", text)


def test_what_contributors_are_sent_to_is_there():
    paths = named_paths((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(paths) > 15
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_a_path_that_is_not_there_is_found():
    assert named_paths("See `sdekit/nowhere.py`, then `pytest tests/none -q`.") == [
        "sdekit/nowhere.py",
        "tests/none",
    ]
