"""Pages of the site: cells run in order, values come from them, and what fails names its line."""

import json
import shutil

import pytest

from docs.generate.cells import PageError, page_script, run_page
from docs.generate.measured import RESULTS, Measured

PAGE = """# A page

```python
a = 2
print("a is", a)
```

Twice that is {{ 2 * a }}, half of it {{ a / 2:.2f }}.

```py
this is shown and not run
```

```python
assert a == 2
```
"""


@pytest.fixture
def page(tmp_path):
    def written(text):
        file = tmp_path / "page.md"
        file.write_text(text)
        return file

    return written


def test_outputs_stand_below_their_cells_and_values_in_the_prose(page, tmp_path):
    woven = run_page(page(PAGE), tmp_path)
    assert "```\n\n```text\na is 2\n```\n" in woven
    assert "Twice that is 4, half of it 1.00." in woven
    assert "this is shown and not run" in woven


def test_a_script_has_the_lines_of_its_page():
    script = page_script(PAGE).splitlines()
    assert len(script) == len(PAGE.splitlines())
    assert script[3] == "a = 2"


def test_a_failing_cell_is_told_with_its_line(page, tmp_path, capsys):
    with pytest.raises(PageError, match=r"page\.md, line 15: AssertionError"):
        run_page(page(PAGE.replace("a == 2", "a == 3")), tmp_path)
    print("output is given back")
    assert capsys.readouterr().out == "output is given back\n"


def test_a_value_that_is_not_there_ends_the_build(page, tmp_path):
    with pytest.raises(PageError, match="line 8: NameError"):
        run_page(page(PAGE.replace("2 * a", "2 * b")), tmp_path)


@pytest.mark.parametrize("words", ["A parabola", ""])
def test_a_figure_has_words_for_who_does_not_see_it(page, tmp_path, words):
    cell = f"import matplotlib.pyplot as plt\nplt.subplots(num={words!r} or None)"
    file = page(f"```python\n{cell}\n```\n")
    if words:
        assert "![A parabola](/figures/page_1.svg)" in run_page(file, tmp_path)
        assert (tmp_path / "page_1.svg").read_text().startswith("<?xml")
    else:
        with pytest.raises(PageError, match="has no text"):
            run_page(file, tmp_path)


def test_a_changed_result_ends_the_build(page, tmp_path):
    """The committed result passes its page; the same page complains when the result changes."""
    file = page(
        "```python\nfound = results['hostile_input']['results']\n"
        "assert found['crashes'] == []\n```\n\n{{ found['cases'] }} files\n"
    )
    assert " files" in run_page(file, tmp_path)
    changed = tmp_path / "results"
    shutil.copytree(RESULTS, changed, ignore=shutil.ignore_patterns("*.png", "*.md"))
    record = json.loads((changed / "hostile_input.json").read_text())
    record["results"]["crashes"] = ["one"]
    (changed / "hostile_input.json").write_text(json.dumps(record))
    with pytest.raises(PageError, match="AssertionError"):
        run_page(file, tmp_path, Measured(changed))
