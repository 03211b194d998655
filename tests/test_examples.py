"""Every example runs from a bare interpreter, stays short, and ends by asserting a number."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("[0-9][0-9]_*.py"))


def by_name(path):
    return path.name


def test_there_are_examples():
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("path", EXAMPLES, ids=by_name)
def test_an_example_is_short_and_ends_with_a_printed_and_asserted_number(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 60
    tree = ast.parse(source)
    assert ast.get_docstring(tree)
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert statements, "an example asserts what it prints"
    assert "print(" in source


@pytest.mark.parametrize("path", EXAMPLES, ids=by_name)
def test_an_example_runs(path, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(path)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()
