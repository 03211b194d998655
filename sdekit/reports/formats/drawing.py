"""A matplotlib figure as SVG that takes the colours of its page, and as PNG for LaTeX.

Not for what is drawn (`sdekit.reports.experiment`, `sdekit.reports.comparison`).
Checked by: tests/reports/formats/test_drawing.py.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sdekit.errors import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colours of lines and of fills; the first stands for the colour of the page's text.
INK, FILL = "#1c2430", "#7fb2dd"


@dataclass(frozen=True)
class Drawing:
    """One picture in two formats.

    Attributes:
        svg: An <svg> element that is as wide as its place allows.
        png: The bytes of the image.
    """

    svg: str
    png: bytes


def new_figure(width: float, height: float) -> Figure:
    """An empty figure that leaves the user's backend and styles alone.

    Raises:
        MissingDependencyError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise MissingDependencyError(
            "drawing figures needs matplotlib, which is not installed",
            fix='pip install "sdekit[report]"',
        ) from missing
    return Figure(figsize=(width, height), layout="constrained")


def drawing_of(figure: Figure) -> Drawing:
    """The figure in both formats; the same figure gives the same bytes."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "sdekit", "svg.fonttype": "path"}):
        vector, pixels = io.StringIO(), io.BytesIO()
        bare = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(vector, format="svg", transparent=True, metadata=bare)
        figure.savefig(pixels, format="png", dpi=160, metadata={"Software": None})
    return Drawing(_of_the_page(vector.getvalue()), pixels.getvalue())


def _of_the_page(svg: str) -> str:
    """Without prolog and fixed size, the ink in the colour of the text around it."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    head, rest = svg.split(">", 1)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    for black in (INK, "#000000", "#262626"):
        rest = rest.replace(black, "currentColor")
    # Letters are paths without a colour of their own.
    return f'{head} fill="currentColor" focusable="false">{rest}'


class FigureFiles:
    """Writes the images of one document beside it and hands out their names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0

    def add(self, png: bytes) -> str:
        """The name of the file that now holds the image."""
        self._count += 1
        target = self._path.with_name(f"{self._path.stem}-{self._count}.png")
        target.write_bytes(png)
        return target.name
