"""Sentences of the verifier become mathematics without changing what they say."""

import pytest

import sdekit as sk
from sdekit.reports.chapters.formulas import scope_of, scope_of_kernel
from sdekit.reports.chapters.sentences import mathematics
from sdekit.reports.formats.html import html_text

SGNHT = scope_of(sk.catalog.get("sgnht"))
SENTENCES = (
    ("p: Gaussian; xi: Gaussian", r"$p$: Gaussian; $\xi$: Gaussian"),
    ("L H = A*n - n*xi <= c (1 + H)",
     r"$\mathcal{L} \, H = A \, n - n \, \xi \le c \, \left(1 + H\right)$"),
    ("Hoermander's condition holds everywhere: d/dp d/dp of the drift spans xi",
     r"Hörmander's condition holds everywhere: $[\partial_{p}, [\partial_{p}, v]]$ spans $\xi$"),
    ("detailed balance up to the involution p -> -p, xi -> 2*A - xi",
     r"detailed balance up to the involution $p \mapsto -p$, $\xi \mapsto 2 \, A - \xi$"),
    ("exp(-(U(theta))) is integrable over theta",
     r"$\exp\left(-U(\theta)\right)$ is integrable over $\theta$"),
    ("Derivative(U(theta_1), theta_1)", r"$\partial_{\theta_{1}} U(\theta_{1})$"),
    ("dH/dtheta_1 = -2557/1296", r"$\partial H / \partial \theta_{1} = -\tfrac{2557}{1296}$"),
    ("[-0.42 +/- 5.1e-14]", r"$-0.42 \pm 5.1 \cdot 10^{-14}$"),
    ("the residual is identically zero", "the residual is identically zero"),
)  # fmt: skip


@pytest.mark.parametrize(("said", "shown"), SENTENCES)
def test_what_parses_is_a_formula_and_the_rest_stays(said, shown):
    assert mathematics(said, SGNHT) == shown


@pytest.mark.parametrize(
    "said",
    [
        "-w_1**2/4 is left out",
        "as keep**2 + noise**2 = 1",
        "the energy grows like c * length of the block",
        "2*foo/4 and foo(p)",
        "solutions do not explode",
        "",
    ],
)
def test_a_part_of_a_formula_is_never_set_by_itself(said):
    """Twin: 2/4 out of w**2/4 would be 1/2, and p out of foo(p) is no p of the model."""
    assert mathematics(said, SGNHT).replace("$p$", "p") == said


def test_dollar_signs_of_users_start_no_formula():
    assert mathematics("costs $5 and $6", SGNHT) == "costs 5 and 6"


def kernel(name):
    from sdekit.kernels.kernel_file import published_kernel

    return published_kernel(name)


@pytest.mark.parametrize("name", ["hmc-temperature", "malt-counts-noise", "mala-symmetric"])
def test_every_sentence_about_a_kernel_keeps_its_formulas_balanced(name):
    scope = scope_of_kernel(kernel(name))
    for check in sk.verify(kernel(name)).checks.values():
        shown = mathematics(check.reason, scope)
        assert shown.count("$") % 2 == 0 and "sdekitx" not in shown
        assert "\\" not in html_text(shown).replace(r"\n", "")
