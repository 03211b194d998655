"""A comparison puts verdicts, moments, cost and temperature of several runs on one page."""

from types import SimpleNamespace

import numpy as np
import pytest

import sdekit as sk
from sdekit.reports.comparison import gradients_per_step, parameters_of


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = sk.compare(
        ["langevin", sk.catalog.get("overdamped")],
        tmp_path_factory.mktemp("compare") / "c.html",
        potential=lambda x: (x @ x) / 2,
        position=np.zeros(1),
        parameters={"A": 1.0},
        step_size=0.1,
        steps=2_000,
        thin=4,
        seed=3,
    )
    return path.read_text("utf-8")


def test_the_page_has_every_run_and_its_numbers(page):
    words = ("langevin", "overdamped", "proved", "BAOAB", "temperature", "per million", "seed 3")
    assert [word for word in words if word not in page] == []
    assert page.count("<svg") == 1 and 'role="img"' in page
    assert "nan" not in page.replace("nance", "")


def test_gradients_of_a_step_are_counted_once_where_they_are_kept():
    """BAOAB ends where it begins: one gradient a step; ABA has one, AB has one."""
    langevin = sk.catalog.get("langevin")
    counts = {
        word: gradients_per_step(SimpleNamespace(dynamics=langevin, scheme=word))
        for word in ("BAOAB", "ABOBA", "AB", "EM")
    }
    assert counts == {"BAOAB": 1, "ABOBA": 2, "AB": 1, "EM": None}


def test_values_go_to_those_that_have_them_and_a_stranger_is_refused():
    models = [sk.catalog.get(name) for name in ("langevin", "sgnht")]
    assert parameters_of(models, {"A": 1, "mu": 2}) == [{"A": 1}, {"A": 1, "mu": 2}]
    with pytest.raises(sk.SdekitError, match="none of the dynamics has this parameter"):
        parameters_of(models, {"B": 1})
    with pytest.raises(sk.SdekitError, match="nothing to compare"):
        parameters_of(models[:1], {})
