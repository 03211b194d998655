"""Build the site: `python -m docs [--out FOLDER]`.

Runs the cells of every page, writes the API reference and the catalogue, and hands the Markdown to
Sphinx, for which a warning (a link that leads nowhere, say) is an error.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from docs.generate.catalogue import write_catalogue
from docs.generate.cells import PageError, run_page
from docs.generate.reference import write_reference

HERE = Path(__file__).resolve().parent
#: Folders with pages for readers; the top level holds the index.
CHAPTERS = ("", "course", "guides", "explained")


def pages() -> list[Path]:
    """The written pages, in the order in which they run."""
    return [page for chapter in CHAPTERS for page in sorted((HERE / chapter).glob("*.md"))]


def write_sources(folder: Path) -> None:
    """Write the whole site as Markdown with every output in its place."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "figures").mkdir(parents=True)
    shutil.copy(HERE / "conf.py", folder)
    shutil.copytree(HERE / "_static", folder / "_static")
    for page in pages():
        start = time.perf_counter()
        goal = folder / page.relative_to(HERE)
        goal.parent.mkdir(exist_ok=True)
        goal.write_text(run_page(page, folder / "figures"), encoding="utf-8")
        print(f"{time.perf_counter() - start:6.1f} s  {page.relative_to(HERE)}", flush=True)
    write_reference(folder / "reference")
    write_catalogue(folder / "catalogue")


def main() -> int:
    """Build, say where the site is, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs", description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent / "build" / "site")
    out = parser.parse_args().out.resolve()
    try:
        from sphinx.cmd.build import build_main
    except ImportError:
        print('the site needs Sphinx: pip install "sdekit[all,docs]"', file=sys.stderr)
        return 2
    sources = out.with_name(f"{out.name}-sources")
    try:
        write_sources(sources)
    except PageError as error:
        print(f"the site is not built: {error}", file=sys.stderr)
        return 1
    shutil.rmtree(out, ignore_errors=True)
    status = build_main(["-q", "-W", "--keep-going", "-b", "html", str(sources), str(out)])
    print(f"{out / 'index.html'}" if status == 0 else "the site is not built")
    return status


if __name__ == "__main__":
    sys.exit(main())
