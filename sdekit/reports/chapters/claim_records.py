r"""Each check as a reader meets it: a title, the claim as a formula, and why its reasons suffice.

Not for the reasons themselves, which the verifier gives.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClaimText:
    """One check in words.

    Attributes:
        title: The claim in a few words.
        formula: The claim in LaTeX; empty where the title says it.
        theorem: Why a reason of the verifier proves it, with works by their short references.
    """

    title: str
    formula: str = ""
    theorem: str = ""


#: By name of the check, of dynamics and of kernels.
CLAIMS = {
    "diffusion_symmetric": ClaimText("$D$ is symmetric", r"D = D^{\mathsf{T}}"),
    "diffusion_psd": ClaimText(
        "$D$ is positive semidefinite", r"x^{\mathsf{T}} D \, x \ge 0 \text{ for every } x"
    ),
    "stationarity": ClaimText(
        r"$\mathrm{e}^{-H}$ is stationary",
        r"\nabla \cdot (\rho v) = \nabla \nabla^{\mathsf{T}} \, : \, (\rho D), \; "
        r"\rho = \mathrm{e}^{-H}",
        r"The difference of both sides, divided by $\rho$, is brought to a normal form in which "
        "equal expressions look equal, for every size; it is zero exactly if no term is left "
        "(Risken 1996 for the Fokker-Planck equation).",
    ),
    "marginalization": ClaimText(
        "the marginal is the target",
        r"\int \mathrm{e}^{-H} \, \mathrm{d}(\text{auxiliaries}) \propto "
        r"\mathrm{e}^{-\text{target}}",
        "Each block of auxiliary variables is integrated out in closed form; what is left must not "
        "depend on the variables of the target. It is done line by line below.",
    ),
    "normalizable": ClaimText(
        r"$\mathrm{e}^{-H}$ can be normalized", r"\int \mathrm{e}^{-H} \, \mathrm{d}z < \infty"
    ),
    "regularity": ClaimText(
        "density and current have no jump and no pole",
        "",
        r"The current is $J = \rho v - \nabla \cdot (\rho D)$. Where coefficients are smooth, "
        r"$\nabla \cdot J = 0$ at every point means that no mass is made or lost anywhere.",
    ),
    "non_explosion": ClaimText(
        "solutions do not explode",
        "",
        r"The generator is $\mathcal{L} f = v \cdot \nabla f + D : \nabla \nabla^{\mathsf{T}} f$. "
        r"If $V \ge 0$ tends to infinity and $\mathcal{L} V \le c \, (1 + V)$, then "
        r"$\mathrm{E} \, [1 + V(z_{t})] \le (1 + V(z_{0})) \, \mathrm{e}^{c t}$, so that no "
        "solution reaches infinity in finite time (Khasminskii 2012).",
    ),
    "uniqueness": ClaimText(
        "the stationary law is unique",
        "",
        r"With $[\partial_{x}, v]$ the derivative of the drift along a direction $x$ of noise: "
        "where such brackets, taken again and again, span every direction, stationary laws have "
        r"smooth densities (Hormander 1967), and on a connected set where $\mathrm{e}^{-H} > 0$ "
        "there is one.",
    ),
    "reversibility": ClaimText(
        "reversible, up to an involution",
        r"J = \rho v - \nabla \cdot (\rho D) = 0, \text{ or } J \text{ is turned round}",
        r"Detailed balance: the current $J$ vanishes, or a map $R$ with $R \circ R = 1$ that keeps "
        "$H$ turns it round.",
    ),
    "volume": ClaimText(
        "changes of volume are counted", r"\log \left|\det \partial z^{\prime} / \partial z\right|"
    ),
    "involution": ClaimText(
        "the proposal, made twice, returns",
        r"F \circ \Phi \circ F \circ \Phi = 1",
        r"$\Phi$ are the flows of the proposal and $F$ is the flip of momenta. With the change of "
        "volume counted, an involution accepted with probability "
        r"$\min(1, \mathrm{e}^{-\Delta H})$ is in detailed balance (Green 1995).",
    ),
    "acceptance": ClaimText(
        "the acceptance has the right ratio",
        "",
        r"With $t$ the density of the proposal times that of the way back, over the density of the "
        r"state times that of the way there, and a probability $g(t) = t \, g(1/t)$ such as "
        r"$\min(1, t)$ or $t/(1 + t)$, as much flows there as back.",
    ),
    "refreshment": ClaimText(
        "what is redrawn comes from its conditional law",
        "",
        "A draw from the conditional law of some variables, given the others, keeps the joint law.",
    ),
    "detailed_balance": ClaimText(
        "reversible",
        r"\mathrm{e}^{-H(z)} \, \mathrm{d}z \, P(z, \mathrm{d}z^{\prime}) = "
        r"\mathrm{e}^{-H(z^{\prime})} \, \mathrm{d}z^{\prime} \, P(z^{\prime}, \mathrm{d}z)",
        "A palindrome of steps that are each in detailed balance is in detailed balance.",
    ),
    "invariance": ClaimText(
        r"the kernel keeps $\mathrm{e}^{-H}$",
        r"\int P(z, \mathrm{d}z^{\prime}) \, \mathrm{e}^{-H(z)} \, \mathrm{d}z = "
        r"\mathrm{e}^{-H(z^{\prime})} \, \mathrm{d}z^{\prime}",
        "A composition of steps that each keep a law keeps it.",
    ),
}  # fmt: skip


def title_of(check: str) -> str:
    """The title of a check; its name where it has none."""
    return CLAIMS[check].title if check in CLAIMS else check
