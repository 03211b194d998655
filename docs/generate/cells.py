"""Executed pages: Markdown whose `python` fences run in order, with what they print and draw.

A page is turned into a script with the same line numbers, so that an error names the line of the
page. `{{ expression:format }}` in the prose is a value of the cells above it. Figures must have a
text for those who do not see them: `plt.subplots(num="What is drawn")`.

Not for fences in other languages: `py` is shown and not run, `pycon` is an example of a docstring.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import runpy
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.generate import tables
from docs.generate.measured import Measured

__all__ = ["PageError", "page_script", "run_page"]

_FENCE = re.compile(r"^(`{3,})(\w*)\s*$")
_VALUE = re.compile(r"\{\{\s*(.+?)\s*\}\}")


class PageError(Exception):
    """A page that cannot be built; the message names it and says why."""


class _Recorder:
    """What the cells of one page print and draw, and the values asked for in its prose."""

    def __init__(self, figures: Path, name: str) -> None:
        self.outputs: list[str] = []
        self.values: list[str] = []
        self._figures = figures
        self._name = name
        self._drawn = 0
        self._text = io.StringIO()
        self._open = contextlib.ExitStack()

    def begin(self) -> None:
        self._text.seek(0)
        self._text.truncate()
        self._open.enter_context(contextlib.redirect_stdout(self._text))

    def end(self) -> None:
        self._open.close()
        printed = self._text.getvalue().rstrip()
        parts = [f"```text\n{printed}\n```"] if printed else []
        self.outputs.append("\n\n".join([*parts, *self._drawn_figures()]))

    def value(self, text: str) -> None:
        self.values.append(text)

    def close(self) -> None:
        """Give standard output back and leave no figure, also where a cell failed."""
        from matplotlib import pyplot

        self._open.close()
        pyplot.close("all")

    def _drawn_figures(self) -> Iterator[str]:
        from matplotlib import pyplot

        for number in pyplot.get_fignums():
            figure = pyplot.figure(number)
            words = str(figure.get_label())
            if not words:
                raise PageError(f"{self._name}: a figure has no text; plt.subplots(num='...')")
            self._drawn += 1
            file = self._figures / f"{self._name}_{self._drawn}.svg"
            figure.savefig(file, bbox_inches="tight")
            pyplot.close(figure)
            yield f"![{words}](/figures/{file.name})"


def page_script(text: str) -> str:
    """The script of a page, line by line at the line numbers of the page."""
    lines, fence, is_cell = [], "", False
    for line in text.splitlines():
        opened = _FENCE.match(line)
        if opened and not fence:
            fence, is_cell = opened[1], opened[2] == "python"
            lines.append("_page.begin()" if is_cell else "")
        elif opened and opened[1] == fence and not opened[2]:
            lines.append("_page.end()" if is_cell else "")
            fence = ""
        elif fence:
            lines.append(line if is_cell else "")
        else:
            asked = _VALUE.findall(line)
            lines.append("; ".join(f'_page.value(f"""{{{value}}}""")' for value in asked))
    return "\n".join(lines) + "\n"


def _woven(text: str, recorder: _Recorder) -> str:
    """The page with outputs below its cells and values in its prose."""
    outputs, values = iter(recorder.outputs), iter(recorder.values)
    lines, fence, is_cell = [], "", False
    for line in text.splitlines():
        opened = _FENCE.match(line)
        if opened and not fence:
            fence, is_cell = opened[1], opened[2] == "python"
            lines.append(line)
        elif opened and opened[1] == fence and not opened[2]:
            lines.append(line)
            fence = ""
            if is_cell and (output := next(outputs)):
                lines += ["", output, ""]
        elif fence:
            lines.append(line)
        else:
            lines.append(_VALUE.sub(lambda found: next(values), line))
    return "\n".join(lines) + "\n"


def run_page(page: Path, figures: Path, measured: Measured | None = None) -> str:
    """Run the cells of a page in an empty folder and weave in what comes out.

    Args:
        page: The Markdown file.
        figures: Folder that gets its figures as SVG.
        measured: What the page sees as `results`: the committed results when left out.

    Raises:
        PageError: If a cell fails, or a value cannot be computed.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    text = page.read_text(encoding="utf-8")
    recorder = _Recorder(figures, page.stem)
    start = Path.cwd()
    given: dict[str, Any] = {
        "_page": recorder, "results": measured or Measured(), "tables": tables,
    }  # fmt: skip
    style = {"svg.hashsalt": page.stem, "figure.figsize": (7.0, 3.4), "font.size": 9.0}
    with tempfile.TemporaryDirectory() as folder, mpl.rc_context(style):
        script = Path(folder) / f"{page.stem}.py"
        script.write_text(page_script(text), encoding="utf-8")
        os.chdir(folder)
        try:
            runpy.run_path(str(script), init_globals=given)
        except Exception as error:
            raise PageError(f"{page.name}, line {_line(error, script)}: {error!r}") from error
        finally:
            recorder.close()
            os.chdir(start)
    return _woven(text, recorder)


def _line(error: BaseException, script: Path) -> int | str:
    trace, line = error.__traceback__, "?"
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(script):
            line = trace.tb_lineno
        trace = trace.tb_next
    return getattr(error, "lineno", None) or line
