"""What to cite for a run: one sentence that says what ran, and BibTeX of what it rests on.

Not for the references of a report (`sdekit.reports`).
Checked by: tests/simulation/notes/test_citation.py.
"""

from __future__ import annotations

import platform
from typing import Any

import jax

from sdekit import __version__
from sdekit.catalog.literature import works_named
from sdekit.schemes.split.scheme_names import named

_OWN = """@software{sdekit,
  author = {{sdekit developers}},
  title = {{sdekit: stochastic dynamics, declared once, proved, run and explained}},
  version = {%s}
}"""


def citation(run: Any) -> str:
    """One sentence and BibTeX for the dynamics and the scheme of a run.

    Args:
        run: A `Run`.
    """
    record = named(run.scheme)
    sources = [run.dynamics.source or "", "" if record is None else record.source]
    works = works_named("; ".join(sources))
    entries = [_OWN % __version__, *(work.bibtex for work in works)]
    return "\n\n".join([_sentence(run), *entries]) + "\n"


def _sentence(run: Any) -> str:
    source = f" ({run.dynamics.source})" if run.dynamics.source else ""
    step = "a schedule of step sizes" if run.step_size is None else f"step size {run.step_size:g}"
    steps = run.burn_in + run.draws * run.thin
    return (
        f"{run.dynamics.name or 'A dynamics'}{source} was simulated by {run.scheme} with {step}, "
        f"{run.chains} chains of {steps:,} steps, normal noise of seed {run.seed}, using sdekit "
        f"{__version__}, JAX {jax.__version__} and Python {platform.python_version()}."
    )
