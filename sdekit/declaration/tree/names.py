"""Which names a model may use: ASCII identifiers that the grammar does not need itself."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Mapping
from typing import Any

from sdekit.declaration.functions.records import is_word
from sdekit.errors import DeclarationError

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")

#: Longer names would make reports unreadable, and nobody writes them by hand.
LONGEST_NAME = 64

#: Functions of tensors.
TENSOR_WORDS = (
    "dot", "outer", "trace", "diag", "eye", "ones", "inv", "logdet", "transpose", "grad", "div",
    "diff",
)  # fmt: skip
#: Words over the entries or rows of tensors.
ENTRY_WORDS = ("max", "min", "sum", "norm", "logsumexp", "where", "rows", "pairs")
#: Numbers with a name, and the time.
CONSTANT_WORDS = ("pi", "E", "time")


def is_grammar_word(name: str) -> bool:
    """Whether the grammar needs the name itself, so that no symbol of a model may carry it."""
    return name in (*TENSOR_WORDS, *ENTRY_WORDS, *CONSTANT_WORDS) or is_word(name)


def check_name(name: str, kind: str) -> None:
    """Refuse what cannot be a symbol of a model.

    Args:
        name: The name as written.
        kind: What it names ("variable", "parameter", ...), for the message.

    Raises:
        DeclarationError: If it is no ASCII identifier, too long, or a word of the grammar.
    """
    if not isinstance(name, str) or not _IDENTIFIER.match(name):
        shown = repr(name) if len(repr(name)) <= LONGEST_NAME else repr(name)[:LONGEST_NAME] + "..."
        raise DeclarationError(
            f"a {kind} has no valid name",
            expected="ASCII letters, digits and _ after a leading letter",
            found=shown,
            fix="spell Greek letters out, such as theta for a position",
        )
    if len(name) > LONGEST_NAME:
        raise DeclarationError(
            f"the name of a {kind} is too long",
            expected=f"at most {LONGEST_NAME} characters",
            found=f"{len(name)} characters, {name[:20]}...",
        )
    if is_grammar_word(name) or keyword.iskeyword(name):
        raise DeclarationError(
            f"a {kind} is named {name}, which is a word of the grammar",
            fix=f"rename it, for example {name}_0",
        )


def by_name(given: Any) -> Any:
    """A mapping whose keys are symbols, by their names; anything else as it is.

    Example:
        >>> import sdekit as sk
        >>> by_name({sk.scalar("x"): 1.0, "y": 2.0})
        {'x': 1.0, 'y': 2.0}
    """
    if not isinstance(given, Mapping) or all(isinstance(key, str) for key in given):
        return given
    # Symbols of SymPy have a name as well; U(theta) has that of its function.
    return {
        getattr(getattr(key, "function", key), "name", key): value for key, value in given.items()
    }


def entry_name(name: str, index: tuple[int, ...], declared: Collection[str] = ()) -> str:
    """The name of one entry, counted from 1: theta_1, Xi_1_2; the bare name for a scalar.

    Args:
        name: Of the symbol.
        index: Counted from 0.
        declared: Names of the model; entry 1 of `a` is a_e1 where a symbol a_1 is declared, so that
            no two symbols of a model share a name.
    """
    longer = [other for other in declared if len(other) > len(name) and other.startswith(name)]
    marks = ""
    while True:
        shown = "_".join([name, *(f"{marks}{k + 1}" for k in index)])
        if not index or not any(_may_be_entry(shown, other) for other in longer):
            return shown
        marks += "e"


def _may_be_entry(shown: str, other: str) -> bool:
    """Whether the text is a declared name, or reads like an entry of it."""
    return re.fullmatch(rf"{other}(_e*\d+)*", shown) is not None
