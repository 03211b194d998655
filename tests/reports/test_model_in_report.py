"""A report holds its model: what is read from it is that text, nothing else, and never run."""

import pytest

import sdekit as sk
from sdekit.declaration.model.toml_text import MODEL_BEGINS, MODEL_ENDS, marked
from sdekit.errors import ModelFileError
from sdekit.reports.write import Results, write_report

#: Names and sources that a format could read as its own signs.
HOSTILE = (
    "Ding & Fang <2014>, eq. (5)",
    r"\end{verbatim}\input{secrets}",
    "``` and `````",
    f"{MODEL_BEGINS}\n[drift]\n{MODEL_ENDS}",
    "</pre><script>alert(1)</script>",
    '"quotes" and \\ and \N{GREEK SMALL LETTER THETA}',
)
SUFFIXES = (".html", ".md", ".tex")


def written(tmp_path, suffix, dynamics):
    results = Results(dynamics, sk.verify(dynamics, budget=0.5))
    return write_report(results, tmp_path / f"report{suffix}")


@pytest.fixture(scope="module")
def langevin():
    return sk.catalog.get("langevin")


def called(dynamics, source):
    table = dynamics.to_toml().replace("Ding et al. 2014, eq. (1)", "SOURCE")
    quoted = sk.Dynamics(dynamics.drift, source=source).to_toml()
    line = next(line for line in quoted.splitlines() if line.startswith("source"))
    return sk.loads(table.replace('source = "SOURCE"', line))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("source", HOSTILE)
def test_a_report_gives_its_model_back_whatever_the_source_is_called(
    source, suffix, langevin, tmp_path
):
    dynamics = called(langevin, source)
    path = written(tmp_path, suffix, dynamics)
    if MODEL_BEGINS in source:
        # The subtitle then looks like a model of its own: two are refused, none is chosen.
        path.write_text(source + path.read_text("utf-8"), "utf-8")
        with pytest.raises(ModelFileError, match=r"holds [23] models"):
            sk.load(path)
    else:
        assert sk.load(path) == dynamics


def test_a_listing_is_not_closed_by_what_it_lists(langevin, tmp_path):
    path = written(tmp_path, ".tex", called(langevin, HOSTILE[1]))
    assert path.read_text("utf-8").count(r"\end{verbatim}") == 1


def test_a_document_without_a_model_and_windows_line_ends(tmp_path, langevin):
    page = tmp_path / "page.html"
    page.write_text("<p>nothing</p>", "utf-8")
    with pytest.raises(ModelFileError, match="holds no models"):
        sk.load(page)
    page.write_bytes(marked(langevin.to_toml()).replace("\n", "\r\n").encode())
    assert sk.load(page) == langevin
