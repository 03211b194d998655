"""Results show themselves in notebooks, and nothing of a user becomes markup."""

import pytest

import sdekit as sk
from sdekit.notebook import notebook_html


@pytest.fixture(scope="module")
def langevin():
    return sk.catalog.get("langevin")


def test_every_result_shows_its_text(langevin):
    for result in (sk.verify(langevin), sk.splitting(langevin), sk.order(langevin)):
        shown = result._repr_html_()
        assert shown.startswith("<pre") and "langevin" in shown.partition("</b>")[0]
    assert sk.verify(langevin)._repr_html_().count("#1f8a50") >= 8


def test_a_bias_shows_its_text(langevin):
    found = sk.bias(langevin, potential="theta**2/2", parameters={"A": 1})
    assert "BAOAB" in found._repr_html_()


def test_a_triple_is_latex(langevin):
    shown = langevin._repr_latex_()
    assert shown.startswith("$$") and shown.endswith("$$") and r"\nabla_{\theta}" in shown


def test_text_of_users_is_no_markup():
    assert "<script>" not in notebook_html("<script>alert(1)</script> refuted")
