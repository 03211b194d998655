"""The record of one published dynamics: its triple, where it stands, and what must come out.

Not for deciding anything: claims are data, and `tests/catalog` compares them with the verifier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable

PROVED, REFUTED, UNDECIDED = "proved", "refuted", "undecided"
#: Proved under a condition on the unknown functions, as that solutions do not explode.
CONDITIONAL = "conditional"

#: Without each of these proved, exp(-H) is not shown to be what is sampled.
REQUIRED = (
    "diffusion_symmetric",
    "diffusion_psd",
    "stationarity",
    "marginalization",
    "normalizable",
    "regularity",
    "non_explosion",
)
#: Every check of the ladder; an entry claims a verdict for each of them.
CHECKS = (*REQUIRED, "uniqueness", "reversibility")


@dataclass(frozen=True)
class Triple:
    """What a source states: drift v, diffusion D or noise factor sigma, H, and the target.

    Attributes:
        drift: v, one expression for each variable, in the order of the state.
        diffusion: D, by variable or by pair of variables; blocks left out are zero.
        hamiltonian: H of exp(-H), or None where the source claims no stationary law.
        target: Minus the log density of the marginal that is wanted.
        noise: sigma with D = sigma sigma^T / 2, instead of the diffusion.
        gradient_noise: B, what D has beside the diffusion and a stochastic gradient brings along.
    """

    drift: Mapping[Variable, Expression]
    diffusion: Mapping[Variable | tuple[Variable, Variable], Expression] = field(
        default_factory=dict
    )
    hamiltonian: Expression | None = None
    target: Expression | None = None
    noise: Mapping[Variable, Expression] | None = None
    gradient_noise: Mapping[Variable, Expression] | None = None


@dataclass(frozen=True)
class Entry:
    """One dynamics of the literature with the verdict that each check must reach.

    Attributes:
        name: What users type.
        title: What readers read.
        source: Author, year and equation.
        triple: Builds the triple; called on use, so that listing names costs nothing.
        claims: The verdict of every check for all n (for its components where nothing has a size).
        claims_at: Verdicts that differ at one size n.
        notes: What a user should know.
        errata: What the source prints differently, and why it cannot stand.
    """

    name: str
    title: str
    source: str
    triple: Callable[[], Triple]
    claims: Mapping[str, str]
    claims_at: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    notes: str = ""
    errata: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether the entry is a known mistake, which the verifier must refute."""
        return any(self.claims.get(name) == REFUTED for name in REQUIRED)

    @property
    def claims_all(self) -> bool:
        """Whether the entry claims a proof of every check that a proof of the whole needs."""
        return all(self.claims.get(name) in (PROVED, CONDITIONAL) for name in REQUIRED)

    @property
    def is_conditional(self) -> bool:
        """Whether the proof of the whole needs a condition on the unknown functions."""
        return self.claims_all and CONDITIONAL in self.claims.values()

    def dynamics(self) -> Dynamics:
        """The declaration, with the name and the source of the entry."""
        triple = self.triple()
        return Dynamics(
            drift=triple.drift,
            diffusion=None if triple.noise else triple.diffusion,
            noise=triple.noise,
            gradient_noise=triple.gradient_noise,
            hamiltonian=triple.hamiltonian,
            target=triple.target,
            name=self.name,
            source=self.source,
        )

    def to_dict(self) -> dict[str, object]:
        """The record as plain data, without the formulas."""
        return {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "claims": dict(self.claims),
            "claims_at": {str(n): dict(verdicts) for n, verdicts in self.claims_at.items()},
            "notes": self.notes,
            "errata": self.errata,
        }

    def claims_for(self, n: int | None = None) -> dict[str, str]:
        """The verdicts to be reached for all n, or at one n."""
        return {**self.claims, **(self.claims_at.get(n, {}) if n is not None else {})}


def claims(**verdicts: str) -> Mapping[str, str]:
    """Claims of an entry: proved unless said otherwise, for every check of the ladder.

    Example:
        >>> claims(uniqueness=REFUTED)["uniqueness"]
        'refuted'
    """
    unknown = verdicts.keys() - set(CHECKS)
    assert not unknown, f"no such check: {unknown}"
    return MappingProxyType({name: verdicts.get(name, PROVED) for name in CHECKS})
