"""Sphinx settings of the site. `python -m docs` writes the sources; nothing needs a network."""

import sdekit
from sdekit.reports.formats.html import mathml

project = "sdekit"
author = "the sdekit developers"
release = sdekit.__version__
extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
# Formulas become MathML here, so that pages need no script for them.
html_math_renderer = "mathml"
html_theme = "furo"
html_title = "sdekit"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}
html_show_copyright = False
toc_object_entries = False
python_use_unqualified_type_names = True
exclude_patterns = []


def _inline(self, node):
    self.body.append(mathml(node.astext()))
    raise_skip()


def _block(self, node):
    anchor = f' id="{node["ids"][0]}"' if node["ids"] else ""
    latex = node.astext()
    if "&" in latex and r"\begin" not in latex:
        latex = rf"\begin{{aligned}}{latex}\end{{aligned}}"
    formula = mathml(latex, display=True)
    self.body.append(f'<div class="math" tabindex="0"{anchor}>{formula}</div>\n')
    raise_skip()


def raise_skip():
    """Tell docutils that the children of a formula are written."""
    from docutils import nodes

    raise nodes.SkipNode


def setup(app):
    """Register the renderer of formulas."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
