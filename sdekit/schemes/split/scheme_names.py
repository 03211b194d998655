r"""All schemes that have a name: spellings, what moves together, and why one has no order theory.

A scheme is a word over the letters of a splitting ("BAOAB") or one of the records here. Adding a
scheme whose stages are Euler-Maruyama steps of groups of variables is adding one record.

Not for what a step does (`unroll`) nor for words (`word`).

Checked by: tests/schemes/split/test_scheme_names.py, tests/schemes/split/test_unroll.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SchemeError
from sdekit.schemes.solvers.solver_table import SOLVERS
from sdekit.schemes.split.affine import expanded_terms
from sdekit.schemes.split.flow_records import Shift
from sdekit.schemes.split.linear_maps import linear_map
from sdekit.schemes.split.parts import find_parts, momenta_of
from sdekit.schemes.split.pieces import positions_of

Groups = tuple[tuple[Variable, ...], ...]


@dataclass(frozen=True)
class NamedScheme:
    """A scheme that is no word.

    Attributes:
        name: As results spell it.
        says: What one step does, in one sentence.
        source: Where it was published.
        aliases: Other names under which people know it; case, blanks, "-" and "_" do not count.
        groups: Dynamics -> the variables of each Euler-Maruyama stage, in order; it raises
            SchemeError where the scheme does not fit. None where a step is no such sequence.
        no_theory: Why order and bias have nothing to read; empty where `groups` is given.
        check: Dynamics -> nothing, for schemes without groups; it raises SchemeError as `groups`.
        method: How one step of all variables takes the drift, where `groups` is None and it runs by
            stages: a method of `Inexact`.
        runner: What runs it: "stages", "solver" (diffrax's own step), "trajectory" or "proposal".
        guards: Names of the step guards with and without momenta.
    """

    name: str
    says: str
    source: str
    aliases: tuple[str, ...] = ()
    groups: Callable[[Dynamics], Groups] | None = None
    no_theory: str = ""
    check: Callable[[Dynamics], None] | None = None
    method: str = ""
    runner: str = "stages"
    guards: tuple[str | None, str | None] = (None, None)


def everything(dynamics: Dynamics) -> Groups:
    """All variables at once."""
    return (dynamics.variables,)


def momenta_first(dynamics: Dynamics) -> Groups:
    """Momenta, then positions, then the rest jointly: the order of Algorithm 1.

    Momenta are the variables that the drift of the positions reads.

    Raises:
        SchemeError: If there are none.
    """
    positions = positions_of(dynamics)
    momenta = momenta_of(dynamics, positions)
    if not momenta:
        raise SchemeError(
            "Algorithm 1 is for dynamics with momenta",
            expected="positions that move along momenta",
            found=f"variables {', '.join(x.name for x in dynamics.variables)}",
            fix='use scheme="EM"',
        )
    first = tuple(x for x in dynamics.variables if x in momenta)
    second = tuple(x for x in dynamics.variables if x in positions)
    rest = tuple(x for x in dynamics.variables if x not in momenta | positions)
    return tuple(group for group in (first, second, rest) if group)


def scalar_thermostat(dynamics: Dynamics) -> Groups:
    """The groups of Algorithm 1, for the thermostat that Algorithm 2 was written for.

    Raises:
        SchemeError: If the dynamics is another one.
    """
    has_momenta = bool(momenta_of(dynamics, positions_of(dynamics)))
    groups = momenta_first(dynamics) if has_momenta else ()
    if [len(group) for group in groups] == [1, 1, 1]:
        p, theta, xi = (group[0] for group in groups)
        if dynamics.drift[theta] == p and not xi.shape and dynamics.drift[p].depends_on(xi):
            return groups
    raise SchemeError(
        "Algorithm 2 is for the scalar thermostat",
        expected="theta' = p, p' = -grad U - xi p + noise, xi' = (p.p - n)/mu",
        found=f"variables {', '.join(x.name for x in dynamics.variables)}",
        fix='use scheme="Algorithm1", or a splitting word',
    )


def hamiltonian_flow(dynamics: Dynamics) -> None:
    """Check that a dynamics is theta' = M^-1 p, p' = -grad U.

    Raises:
        SchemeError: If it has other parts, or positions do not move linearly in the momenta.
    """
    ito = dynamics.ito()
    parts = find_parts(ito)
    shifts = {part.letter: part.flow for part in parts if isinstance(part.flow, Shift)}
    if set(shifts) == {"A", "B"} == {part.letter for part in parts} and ito.hamiltonian is not None:
        rates = [term for _, rate in shifts["A"].updates for term in expanded_terms(rate)]
        if all(any(linear_map(r, p) for p in shifts["B"].variables) for r in rates):
            return
    raise SchemeError(
        "HMC is for Hamiltonian flows",
        expected="theta' = M^-1 p, p' = -grad U, no noise and no friction",
        found=f"parts {' '.join(part.letter for part in parts)}",
        fix='use catalog.get("hamiltonian")',
    )


def noisy_everywhere(dynamics: Dynamics) -> None:
    """Check that a dynamics has H, and noise on each of its variables.

    Raises:
        SchemeError: If not.
    """
    still = [x.name for x in dynamics.variables if dynamics.diffusion_block(x, x) is None]
    if dynamics.hamiltonian is None or dynamics.depends_on_time or still:
        raise SchemeError(
            "a Metropolis step with a Gaussian proposal needs H, and noise on each variable",
            expected="a declared hamiltonian, and D > 0, as overdamped Langevin dynamics has",
            found=f"no noise on {', '.join(still)}" if still else "no H, or explicit time",
            fix='use catalog.get("overdamped"); with momenta scheme="HMC"',
        )


def with_noise(dynamics: Dynamics) -> None:
    """Check that a dynamics has noise.

    Raises:
        SchemeError: If not.
    """
    if not any(dynamics.blocks()):
        raise SchemeError(
            "this scheme is for noise, and there is none",
            fix="choose a scheme that sk.schemes.names(dynamics) lists",
        )


_DING = "Ding et al. 2014, NeurIPS 27"
_SOLVED = (
    "it is a solver of general SDEs, whose strong order by kind of noise stands in "
    "sdekit.schemes.solvers.solver_table; its weak order is not analysed here"
)


def _solver(name: str) -> NamedScheme:
    solver = SOLVERS[name]
    says = f"one step of diffrax's {solver.diffrax_name}"
    if not solver.diffrax_name:
        says = "one step of Milstein's method with drawn Levy areas"
    # Euler of an Ito SDE is Euler-Maruyama; the others evaluate the coefficients more than once.
    if name == "euler":
        return NamedScheme(name, says, solver.source, groups=everything, runner="solver")
    return NamedScheme(name, says, solver.source, no_theory=_SOLVED, runner="solver")


EULER_MARUYAMA = NamedScheme(
    "EM",
    "Euler-Maruyama: all variables at once, coefficients at the state and time before the step",
    "Maruyama 1955",
    aliases=("Euler-Maruyama", "Euler", "SGLD"),
    groups=everything,
    guards=("explicit-langevin", "euler-maruyama"),
)
ALGORITHM_1 = NamedScheme(
    "Algorithm1",
    "Euler-Maruyama of the momenta, then of the positions, then of the rest, each at the newest "
    "state; for SGHMC the update of Chen et al. (2014)",
    f"{_DING}, Algorithm 1",
    aliases=("SGHMC",),
    groups=momenta_first,
    guards=("sgnht-algorithm-1", None),
)
ALGORITHM_2 = NamedScheme(
    "Algorithm2",
    "Algorithm 1 of the scalar thermostat, published in u = p h, alpha = xi h, eta = h^2, a = A h: "
    "the same numbers, so that (theta, p, xi) is what runs, whatever h does",
    f"{_DING}, Algorithm 2",
    groups=scalar_thermostat,
    guards=("sgnht-algorithm-1", None),
)
HMC = NamedScheme(
    "HMC",
    "new momenta, leapfrog steps, and a Metropolis step that accepts or rejects where they end",
    "Duane et al. 1987, doi:10.1016/0370-2693(87)91197-X",
    no_theory="it accepts or rejects whole trajectories: exp(-H) is invariant for every step size, "
    "and the step has no power series in h",
    check=hamiltonian_flow,
    runner="trajectory",
    guards=("leapfrog", None),
)

_EXACT = (
    "it accepts or rejects: exp(-H) is invariant for every step size, and the step has no power "
    "series in h"
)
MALA = NamedScheme(
    "MALA",
    "a step of Euler-Maruyama as a proposal, and a Metropolis step that accepts or rejects it",
    "Roberts and Tweedie 1996, doi:10.2307/3318418",
    aliases=("Metropolis-adjusted Langevin",),
    no_theory=_EXACT,
    check=noisy_everywhere,
    runner="proposal",
)
METROPOLIS = NamedScheme(
    "Metropolis",
    "a Gaussian step of covariance 2 h D as a proposal, without drift, and a Metropolis step",
    "Metropolis et al. 1953, doi:10.1063/1.1699114",
    aliases=("RWM", "random walk Metropolis"),
    no_theory=_EXACT,
    check=noisy_everywhere,
    runner="proposal",
)

TAMED_EULER = NamedScheme(
    "TamedEuler",
    "Euler-Maruyama with the drift v / (1 + h |v|), |v| over all variables: no step of the drift "
    "is longer than 1, so that one that grows like x^3 does not throw paths off",
    "Hutzenthaler, Jentzen and Kloeden 2012, doi:10.1214/11-AAP803",
    no_theory="its drift has no power series in h with polynomial coefficients; of strong order "
    "1/2 where v is one-sided Lipschitz and grows like a polynomial, and D is Lipschitz",
    check=with_noise,
    method="tamed_euler",
)
IMPLICIT_EULER = NamedScheme(
    "ImplicitEuler",
    "the drift at the end of the step, which Newton's method finds, and noise at its beginning: "
    "stable for stiff drifts",
    "Higham, Mao and Stuart 2002, doi:10.1137/S0036142901389530",
    aliases=("backward Euler", "drift-implicit Euler"),
    no_theory="a step solves equations; of strong order 1/2 where v is one-sided Lipschitz and D "
    "is Lipschitz, and too narrow in stiff directions, by 1 + rate h / 2 for a linear drift",
    check=with_noise,
    method="implicit_euler",
)

#: Every scheme with a name, by that name.
NAMED: Mapping[str, NamedScheme] = MappingProxyType(
    {
        record.name: record
        for record in (
            EULER_MARUYAMA,
            ALGORITHM_1,
            ALGORITHM_2,
            HMC,
            MALA,
            METROPOLIS,
            TAMED_EULER,
            IMPLICIT_EULER,
            *map(_solver, SOLVERS),
        )
    }
)


def _plain(text: str) -> str:
    return text.upper().replace(" ", "").replace("-", "").replace("_", "")


_SPELLINGS = {
    _plain(spelling): record
    for record in NAMED.values()
    # Words are upper case: "SEA" may be one, so that solvers are known by their exact names only.
    if record.runner != "solver"
    for spelling in (record.name, *record.aliases)
}


def named(scheme: str) -> NamedScheme | None:
    """The record of a name or alias; None for a word over letters.

    Example:
        >>> named("sgld").name, named("algorithm 2").name, named("BAOAB")
        ('EM', 'Algorithm2', None)
    """
    if scheme in NAMED:
        return NAMED[scheme]
    # A lower-case letter is none of a word, so that "Milstein" can only be the name.
    solver = NAMED.get(scheme.lower()) if scheme != scheme.upper() else None
    return _SPELLINGS.get(_plain(scheme), solver)


def canonical(scheme: str) -> str:
    """A scheme as results spell it: the name of its record, or the word without blanks."""
    record = named(scheme)
    return "".join(scheme.split()) if record is None else record.name
