"""Flows of letters as formulas; each formula agrees with what the record says."""

import re

import pytest

import sdekit as sk
from sdekit.reports.chapters.flow_lines import flow_text
from sdekit.reports.formats.html import html_text


def flows(name):
    return {p.letter: flow_text(p.flow) for p in sk.splitting(sk.catalog.get(name)).parts}


def test_the_letters_of_langevin_dynamics_are_written_out():
    assert flows("langevin") == {
        "A": r"$\theta \leftarrow \theta + h \, p$",
        "B": r"$p \leftarrow p + h \, \left(-\nabla_{\theta} U(\theta)\right)$",
        "O": r"$p \leftarrow \mathrm{e}^{-A \, h} \, p + \sqrt{A \, "
        r"\frac{1 - \mathrm{e}^{-2 \, A \, h}}{A}} \, \zeta$",
    }


@pytest.mark.parametrize("name", sk.catalog.names())
def test_every_letter_of_the_catalogue_has_a_flow_that_converts(name):
    for text in flows(name).values():
        assert text.count("$") % 2 == 0
        assert not re.findall(r"\\[A-Za-z]+", re.sub(r"<[^>]*>", "", html_text(text)))


def test_a_square_root_diffusion_names_its_law():
    x = sk.scalar("x", domain="positive")
    k, m, s = (sk.parameter(name, positive=True) for name in "kms")
    cir = sk.Dynamics({x: k * (m - x)}, noise={x: s * sk.sqrt(x)})
    assert any("noncentral chi-square" in flow_text(p.flow) for p in sk.splitting(cir).parts)


def test_an_unknown_flow_is_refused():
    with pytest.raises(TypeError, match="no formula"):
        flow_text(object())
