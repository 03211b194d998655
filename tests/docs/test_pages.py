"""Every written page runs, types no measured number by hand, and the course ends in assertions."""

import re

import pytest

from docs.__main__ import HERE, pages
from docs.generate.cells import run_page

PAGES = {str(page.relative_to(HERE)): page for page in pages()}
#: Pages that only lead to others.
LISTS = ("course/index.md", "guides/index.md", "explained/index.md")
COURSE = sorted(name for name in PAGES if re.match(r"course/\d", name))
_CELL = re.compile(r"^```python\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
#: What may hold digits that nobody measured: code, formulas, links, addresses.
_NOT_PROSE = re.compile(
    r"^```.*?^```|\$\$.*?\$\$|\$[^$]+\$|`[^`]*`|\{\{.*?\}\}|\]\([^)]*\)", flags=re.M | re.DOTALL
)


def typed_numbers(text):
    """Numbers with a decimal point or a per cent sign in the prose of a page."""
    return re.findall(r"(?<![\w.])\d+\.\d+(?![\w.])|\d+ ?%", _NOT_PROSE.sub("", text))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs(name, tmp_path):
    run_page(PAGES[name], tmp_path)


@pytest.mark.parametrize("name", PAGES)
def test_no_number_is_typed_by_hand(name):
    assert typed_numbers(PAGES[name].read_text()) == []


def test_a_typed_number_is_found():
    assert typed_numbers("It took 3.5 s, 7 % less, `0.5` and $0.25$.") == ["3.5", "7 %"]


def ends_with_an_assertion(text):
    """Whether the last cell of a page asserts something."""
    cells = _CELL.findall(text)
    return bool(cells) and re.search(r"^assert ", cells[-1], flags=re.MULTILINE) is not None


@pytest.mark.parametrize("name", [name for name in PAGES if name not in LISTS])
def test_a_page_ends_with_an_assertion(name):
    assert ends_with_an_assertion(PAGES[name].read_text())


@pytest.mark.parametrize(
    "text",
    [
        "Words alone.",
        "```python\nassert True\n```\n\n```python\nprint(1)\n```",
        "```py\nassert True\n```",
        "```python\nprint(1)\n# assert True\n```",
    ],
)
def test_a_page_without_a_last_assertion_is_found(text):
    assert not ends_with_an_assertion(text)
    assert ends_with_an_assertion(text + "\n\n```python\nx = 1\nassert x\n```\n")


@pytest.mark.parametrize("name", COURSE)
def test_a_page_of_the_course_draws(name):
    assert any("plt.subplots(" in cell for cell in _CELL.findall(PAGES[name].read_text()))
