"""The record of one published dynamics: its triple, where it stands, and what must come out.

Not for deciding anything: claims are data, and `tests/catalog` compares them with the verifier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.abbreviations import Comparison
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Parameter, Variable, parameter

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
class Fact:
    """A statement about a function f of the state that can be checked.

    Attributes:
        kind: "moment": E f from the start has this value at the time `time`; "limit": E f tends to
            it; "rate": the generator L f is this function, so that E f changes at its mean.
        of: f.
        value: For a moment in the parameters, `start_of(x)` and `time`; for a limit in the
            parameters; for a rate a function of the state.
    """

    kind: str
    of: Expression
    value: Expression


@dataclass(frozen=True)
class Example:
    """Numbers under which a plain SDE is run where nobody gives others.

    Attributes:
        start: A value for each variable, by name; one number stands for all entries.
        parameters: Values by name; one number stands for all entries, or for a multiple of 1.
        sizes: Sizes by name.
        until: The time of a run, in units of the model.
        step_size: h of its scheme.
    """

    start: Mapping[str, float | tuple[float, ...]]
    parameters: Mapping[str, float]
    sizes: Mapping[str, int] = field(default_factory=dict)
    until: float = 2.0
    step_size: float = 0.01


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
        interpretation: "ito" or "stratonovich".
        assume: Inequalities between parameters.
        facts: What else is exact about it.
    """

    drift: Mapping[Variable, Expression]
    diffusion: Mapping[Variable | tuple[Variable, Variable], Expression] = field(
        default_factory=dict
    )
    hamiltonian: Expression | None = None
    target: Expression | None = None
    noise: Mapping[Variable, Any] | None = None
    gradient_noise: Mapping[Variable, Expression] | None = None
    interpretation: str = "ito"
    assume: tuple[Comparison, ...] = ()
    facts: tuple[Fact, ...] = ()


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
        example: Of a plain SDE, numbers to run it with.
    """

    name: str
    title: str
    source: str
    triple: Callable[[], Triple]
    claims: Mapping[str, str]
    claims_at: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    notes: str = ""
    errata: str = ""
    example: Example | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the entry is an SDE to be simulated, with an example, and no sampler."""
        return self.example is not None

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
            interpretation=triple.interpretation,
            assume=triple.assume,
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


def start_of(x: Variable) -> Parameter:
    """The start of a scalar variable in the value of a moment."""
    return parameter(f"{x.name}_start")


def noise_claims() -> Mapping[str, str]:
    """Claims of an SDE without a law: that D is that of a noise."""
    return MappingProxyType({"diffusion_symmetric": PROVED, "diffusion_psd": PROVED})


def claims(**verdicts: str) -> Mapping[str, str]:
    """Claims of an entry: proved unless said otherwise, for every check of the ladder.

    Example:
        >>> claims(uniqueness=REFUTED)["uniqueness"]
        'refuted'
    """
    unknown = verdicts.keys() - set(CHECKS)
    assert not unknown, f"no such check: {unknown}"
    return MappingProxyType({name: verdicts.get(name, PROVED) for name in CHECKS})
