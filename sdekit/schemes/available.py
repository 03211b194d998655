"""Which schemes fit a dynamics, with what each letter does: `sk.schemes.names`, `sk.schemes.table`.

Not for choosing one: the default is that of `sdekit.schemes.split.splitting`.

Checked by: tests/schemes/test_available.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SchemeError
from sdekit.schemes.solvers.noise_type import noise_type
from sdekit.schemes.solvers.solver_table import SOLVERS, choose_solver
from sdekit.schemes.solvers.stratonovich import stratonovich_drift
from sdekit.schemes.split.scheme_names import NAMED, NamedScheme, named
from sdekit.schemes.split.splitting import Splitting, splitting
from sdekit.schemes.split.unroll import check_scheme

#: With more letters only the default word is listed: five already have 120 palindromes.
MOST_LETTERS = 4


@dataclass(frozen=True)
class SchemeTable:
    """The schemes that fit one dynamics.

    Attributes:
        splitting: Letters and flows.
        words: The default word, then the other palindromes with each letter but one twice.
        named: The schemes with a name that fit.
    """

    splitting: Splitting
    words: tuple[str, ...]
    named: tuple[NamedScheme, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them; the default comes first."""
        every = (self.splitting.default_word, *self.words, *(record.name for record in self.named))
        return tuple(dict.fromkeys(every))

    def to_dict(self) -> dict[str, Any]:
        """The table as plain data."""
        return {
            "format": 1,
            "name": self.splitting.dynamics.name,
            "default": self.splitting.default_word,
            "words": list(self.words),
            "named": [
                {"name": r.name, "aliases": list(r.aliases), "says": r.says, "source": r.source}
                for r in self.named
            ],
            "splitting": self.splitting.to_dict(),
        }

    def __str__(self) -> str:
        lines = [str(self.splitting)]
        if self.words:
            lines.append(f"Words, any other over the same letters too: {' '.join(self.words)}")
        for record in self.named:
            also = f" (also {', '.join(record.aliases)})" if record.aliases else ""
            lines.append(f"{record.name}{also}: {record.says}; {record.source}")
        return "\n".join(lines)


def table(dynamics: Dynamics) -> SchemeTable:
    """Every scheme that fits a dynamics, with letters and flows.

    Args:
        dynamics: Any declaration.

    Returns:
        Words and named schemes. Any other word over the letters fits as well; whether a solver
        fits noise that reads the state is judged with every open size 2.

    Example:
        >>> import sdekit as sk
        >>> [record.name for record in table(sk.catalog.get("langevin")).named][:3]
        ['EM', 'Algorithm1', 'euler']

    Checked by: tests/schemes/test_available.py.
    """
    parts = splitting(dynamics)
    words = (parts.default_word,) if named(parts.default_word) is None else ()
    letters = parts.letters
    if words and 1 < len(letters) <= MOST_LETTERS:
        others = ("".join((*p[:-1], *p[::-1])) for p in permutations(letters))
        words = tuple(dict.fromkeys((*words, *others)))
    fitting = tuple(_with_order(dynamics, r) for r in NAMED.values() if _fits(parts, r))
    return SchemeTable(parts, words, fitting)


def names(dynamics: Dynamics) -> tuple[str, ...]:
    """Names of the schemes that fit a dynamics, the default first.

    Example:
        >>> import sdekit as sk
        >>> names(sk.catalog.get("hamiltonian"))
        ('BAB', 'ABA', 'EM', 'Algorithm1', 'HMC')

    Checked by: tests/schemes/test_available.py.
    """
    return table(dynamics).names


def _fits(parts: Splitting, record: NamedScheme) -> bool:
    try:
        check_scheme(parts, record.name)
        if record.runner == "solver":
            _check_solver(parts.dynamics, record.name)
    except SchemeError:
        return False
    return True


def _with_order(dynamics: Dynamics, record: NamedScheme) -> NamedScheme:
    """A solver with its strong order for the noise at hand."""
    if record.runner != "solver":
        return record
    kind = noise_type(dynamics, _open_sizes(dynamics)).kind
    order = f"strong order {SOLVERS[record.name].orders[kind]:g} for {kind} noise"
    return replace(record, says=f"{record.says}, {order}")


def _open_sizes(dynamics: Dynamics) -> dict[str, int]:
    return {dim.name: 2 for dim in dynamics.dimensions if dim.size is None}


def _check_solver(dynamics: Dynamics, name: str) -> None:
    if not any(dynamics.blocks()):
        raise SchemeError(
            f"the solver {name} is for noise, and there is none",
            fix="choose a scheme that sk.schemes.names(dynamics) lists",
        )
    can_convert = stratonovich_drift(dynamics) is not None
    choose_solver(name, noise_type(dynamics, _open_sizes(dynamics)), can_convert=can_convert)
