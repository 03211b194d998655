"""Every written page runs, types no measured number by hand, and the course ends in assertions."""

import re

import pytest

from docs.__main__ import HERE, pages
from docs.generate.cells import run_page

PAGES = {str(page.relative_to(HERE)): page for page in pages()}
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


@pytest.mark.parametrize("name", COURSE)
def test_a_page_of_the_course_draws_and_ends_with_an_assertion(name):
    cells = _CELL.findall(PAGES[name].read_text())
    assert any("plt.subplots(" in cell for cell in cells)
    assert re.search(r"^assert ", cells[-1], flags=re.MULTILINE)
