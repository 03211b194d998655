"""How results show themselves in a notebook: their text, with verdicts in colour.

Not for reports (`sdekit.reports`), which say more.
Checked by: tests/test_notebook.py.
"""

from __future__ import annotations

import html
import re

#: Colours that are readable on light and dark pages.
COLOURS = {"proved": "#1f8a50", "refuted": "#d0433a", "undecided": "#a87400"}
_VERDICT = re.compile(rf"\b({'|'.join(COLOURS)})\b", re.IGNORECASE)


def notebook_html(shown: object) -> str:
    """The text of a result as HTML, its first line in bold.

    Args:
        shown: A result whose `str` says what it is.
    """
    first, *rest = html.escape(str(shown)).splitlines() or [""]
    text = "\n".join([f"<b>{first}</b>", *rest])
    coloured = _VERDICT.sub(
        lambda found: f'<span style="color:{COLOURS[found[0].lower()]}">{found[0]}</span>', text
    )
    return f'<pre style="line-height:1.35;overflow-x:auto">{coloured}</pre>'


class ShownInNotebooks:
    """A result that notebooks show by `notebook_html`."""

    def _repr_html_(self) -> str:
        return notebook_html(self)
