"""An error states what was expected, found or has to be done; every "Checked by" path exists."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.sources import PACKAGE, ROOT, trees

MODULES = trees()
#: The classes of `sdekit.errors`.
ERRORS = {
    node.name for node in MODULES["sdekit.errors"].body if isinstance(node, ast.ClassDef)
}  # fmt: skip
PATH = re.compile(r"\b(?:tests|verification)/[\w/]*\w(?:\.py)?")


def bare_errors(tree: ast.AST) -> list[str]:
    """Errors of ours that are raised with nothing but what is wrong."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            told = {keyword.arg for keyword in node.exc.keywords}
            # Keywords handed over as a mapping count as told.
            if _called(node.exc) in ERRORS and not told & {"expected", "found", "fix", None}:
                found.append(f"line {node.lineno}: {ast.unparse(node.exc)}")
    return found


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)


def checking_paths(text: str) -> Iterator[str]:
    """Paths behind "Checked by:", up to the end of that paragraph."""
    for paragraph in re.findall(r"Checked by:(.*?)(?:\n\s*\n|\"\"\"|\Z)", text, re.DOTALL):
        yield from PATH.findall(paragraph)


@pytest.mark.parametrize("module", MODULES)
def test_an_error_says_more_than_what_is_wrong(module):
    assert bare_errors(MODULES[module]) == []


def test_every_path_named_as_a_check_exists():
    named = {
        (path, place)
        for place in PACKAGE.rglob("*.py")
        for path in checking_paths(place.read_text(encoding="utf-8"))
    }
    assert len(named) > 100
    assert [(path, place.name) for path, place in named if not (ROOT / path).exists()] == []


def test_a_bare_error_is_found():
    """Twin: by its name and through the module."""
    assert bare_errors(ast.parse('raise DataError("the data are wrong")')) != []
    assert bare_errors(ast.parse('raise errors.DataError("the data are wrong")')) != []
    assert bare_errors(ast.parse('raise DataError("the data are wrong", fix="mend them")')) == []


def test_a_path_that_does_not_exist_is_found():
    """Twin: also the second of two, on the next line."""
    text = '"""Adds.\n\nChecked by: tests/house/sources.py,\n    tests/house/test_nonsense.py.\n"""'
    missing = [path for path in checking_paths(text) if not (ROOT / path).exists()]
    assert missing == ["tests/house/test_nonsense.py"]
