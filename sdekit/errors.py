"""The errors sdekit raises: what is wrong, what was expected, what was found, how to fix it.

Not for verdicts: that a design is refuted or undecided is data (`sdekit.verifier.verdict`).
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SdekitError(Exception):
    """A mistake of the user, told in four facts.

    Args:
        what: The mistake in plain words.
        expected: What would have been right, if that can be named.
        found: What was there instead.
        fix: What to do about it, as one sentence.
    """

    def __init__(
        self,
        what: str,
        *,
        expected: object = None,
        found: object = None,
        fix: str | None = None,
    ) -> None:
        self.what = what
        self.expected = expected
        self.found = found
        self.fix = fix
        super().__init__(self._message())

    def _message(self) -> str:
        facts = []
        if self.expected is not None:
            facts.append(f"expected {self.expected}")
        if self.found is not None:
            facts.append(f"found {self.found}")
        message = self.what + (": " + ", ".join(facts) if facts else "")
        return message + (f". Fix: {self.fix}" if self.fix else "")


def similar(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """What a misspelt name may have meant, as a fix; None if nothing is near.

    Args:
        name: As written.
        known: The names that there are.
        likeness: From 0 to 1, how near a name has to be (`difflib.get_close_matches`).
    """
    close = get_close_matches(name, list(known), n=1, cutoff=likeness)
    return f"did you mean {close[0]}?" if close else None


class ArgumentError(SdekitError, TypeError):
    """A call with arguments that a public function does not have, or without those it needs."""


class UnknownNameError(SdekitError, AttributeError):
    """A name that a package does not offer."""


class DeclarationError(SdekitError):
    """An expression or a `Dynamics` that makes no sense: shapes, names, floats, assumptions."""


class ModelFileError(SdekitError):
    """A model file that cannot be read.

    Args:
        what: The mistake in plain words.
        line: Line of the file, counted from 1, if known.
        column: Column of that line, or of the expression where `where` names one; from 1.
        where: The entry of the file that holds the mistake, such as `drift.xi`.
        expected: What would have been right.
        found: What was there instead.
        fix: What to do about it.
    """

    def __init__(
        self,
        what: str,
        *,
        line: int | None = None,
        column: int | None = None,
        where: str | None = None,
        expected: object = None,
        found: object = None,
        fix: str | None = None,
    ) -> None:
        self.line = line
        self.column = column
        self.where = where
        super().__init__(what, expected=expected, found=found, fix=fix)

    def _message(self) -> str:
        place = [self.where] if self.where else []
        if self.line is not None:
            place.append(f"line {self.line}")
        if self.column is not None:
            place.append(f"column {self.column}")
        message = super()._message()
        return f"{', '.join(place)}: {message}" if place else message


class VerificationError(SdekitError):
    """A verification that cannot be asked for, such as sizes that the model does not have."""


class UndecidedError(VerificationError):
    """What was sought is neither found nor shown not to exist."""


class MomentError(SdekitError):
    """Moments whose equations do not close, do not hold, or have no limit."""


class SchemeError(SdekitError):
    """A splitting word or scheme that the dynamics does not have."""


class SimulationError(SdekitError):
    """A simulation that cannot start: missing values, wrong shapes, an impossible step size."""


class DivergenceError(SimulationError):
    """A chain that left the finite numbers; `run` holds what had been sampled until then."""

    def __init__(
        self,
        what: str,
        *,
        run: object = None,
        expected: object = None,
        found: object = None,
        fix: str | None = None,
    ) -> None:
        self.run = run
        super().__init__(what, expected=expected, found=found, fix=fix)


class DataError(SdekitError):
    """Data that cannot be used: shapes that do not fit, NaN, an unreadable file."""


class MissingDependencyError(SdekitError, ImportError):
    """An optional dependency that this feature needs and that is not installed."""


#: The extra of sdekit that brings a package which only some features need.
EXTRAS = {
    "jax": "run", "scipy": "run", "optax": "run", "diffrax": "run",
    "arviz": "store", "xarray": "store", "zarr": "store", "matplotlib": "report",
}  # fmt: skip


def check_word(what: str, word: object, known: Iterable[str], error: type[SdekitError]) -> None:
    """Refuse what is none of some words that an argument can be.

    Args:
        what: The argument in plain words.
        word: What was given.
        known: The words.
        error: The kind of error.

    Raises:
        SdekitError: Of that kind, if it is none of them.

    Checked by: tests/test_errors.py.
    """
    words = tuple(known)
    if not isinstance(word, str) or word not in words:
        expected = " or ".join(map(repr, words))
        near = similar(str(word), words)
        raise error(f"unknown {what}", expected=expected, found=repr(word)[:80], fix=near)
