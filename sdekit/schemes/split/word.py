"""Reading splitting words such as `"BAOAB"`: letters, groups and multipliers.

The grammar, white space allowed everywhere:

    word  := item+
    item  := LETTER [ "[" RATIONAL "]" ]  |  "(" word ")" "*" INTEGER

A group is written out before anything is counted, and a letter that then occurs k times gets 1/k
of the step: `"B (C A O A C)*3 B"` is a multiple time step in which the cheap force C acts 1/6 of
the step six times and the dear force B half a step twice. Multipliers such as `A[1/6]` replace
that rule for their letter, must stand on each of its occurrences and add up to 1.

Not for what the letters mean: `sdekit.schemes.split.splitting` derives them from the triple.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from fractions import Fraction

from sdekit.errors import SchemeError

Word = tuple[tuple[str, Fraction], ...]

#: A word longer than this is a slip of the pen in a repetition count.
MAX_LETTERS = 10_000

_TOKEN = re.compile(r"\s*(?:([A-Z])|\[\s*([+-]?\d+(?:/\d+|\.\d+)?)\s*\]|(\()|(\))\s*\*\s*(\d+))")


def parse_word(word: str, letters: Collection[str]) -> Word:
    r"""Letters of a splitting word in order of application, each with its share of the step.

    Args:
        word: For instance `"BAOAB"`, `"B A O A B"`, `"B (C A O A C)*3 B"` or
            `"A[1/6] B[1/2] A[2/3] B[1/2] A[1/6]"`.
        letters: The parts of the dynamics; each must occur.

    Returns:
        Pairs (letter, share); the shares of one letter add up to 1.

    Raises:
        SchemeError: If the word is empty or misspelt, names an unknown letter, leaves one out,
            or gives multipliers that do not add up to 1.

    Example:
        >>> parse_word("BAB", "AB")
        (('B', Fraction(1, 2)), ('A', Fraction(1, 1)), ('B', Fraction(1, 2)))

    Checked by: tests/schemes/split/test_word.py.
    """
    occurrences = _spell_out(word)
    _check_letters(word, [letter for letter, _ in occurrences], letters)
    return _with_shares(word, occurrences)


def _spell_out(word: str) -> list[tuple[str, Fraction | None]]:
    """The occurrences with groups repeated; None where no multiplier is written."""
    stack: list[list[tuple[str, Fraction | None]]] = [[]]
    position, text = 0, word.rstrip()
    is_behind_letter = False
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _misspelt(word, position, "a letter A-Z, [share], ( or )*count")
        letter, share, opening, closing, count = match.groups()
        if letter:
            stack[-1].append((letter, None))
        elif share:
            if not is_behind_letter:
                raise _misspelt(word, position, "a multiplier directly behind its letter")
            stack[-1][-1] = (stack[-1][-1][0], _share(word, share))
        elif opening:
            stack.append([])
        elif closing:
            if len(stack) == 1:
                raise _misspelt(word, position, "an opening parenthesis before this one")
            group = stack.pop()
            if len(group) * int(count) > MAX_LETTERS:
                raise SchemeError(
                    f"the word {word!r} is too long",
                    expected=f"at most {MAX_LETTERS} letters",
                    fix="repeat the group less often",
                )
            stack[-1].extend(group * int(count))
        position, is_behind_letter = match.end(), bool(letter)
    if len(stack) > 1:
        raise _misspelt(word, len(word), "a closing parenthesis, written )*count")
    if not stack[0]:
        raise SchemeError(
            "the splitting word is empty",
            expected="letters such as BAOAB",
            fix="see sdekit.splitting(dynamics) for the letters",
        )
    return stack[0]


def _share(word: str, text: str) -> Fraction:
    if text.endswith("/0"):
        raise SchemeError(
            f"the multiplier [{text}] in {word!r} divides by zero",
            expected="a rational such as 1/6",
            fix="give a denominator that is not zero",
        )
    return Fraction(text)


def _misspelt(word: str, position: int, expected: str) -> SchemeError:
    found = repr(word[position:].strip()[:12]) if word[position:].strip() else "the end"
    fix = "write letters like BAOAB, groups like (CAC)*3, multipliers like A[1/6]"
    if any(letter.islower() for letter in word):
        fix = (
            f"letters are capital, {word.upper()}; names are in sk.schemes.names(dynamics), "
            "on the command line in sdekit schemes NAME"
        )
    return SchemeError(
        f"cannot read the splitting word {word!r} at column {position + 1}",
        expected=expected,
        found=found,
        fix=fix,
    )


def _check_letters(word: str, used: list[str], letters: Collection[str]) -> None:
    known = " ".join(letters)
    unknown = sorted(set(used) - set(letters))
    if unknown:
        raise SchemeError(
            f"the word {word!r} uses letters that this dynamics does not have",
            expected=f"letters out of {known}",
            found=" ".join(unknown),
            fix="see sdekit.splitting(dynamics) for what each letter does",
        )
    missing = [letter for letter in letters if letter not in used]
    if missing:
        raise SchemeError(
            f"the word {word!r} leaves out {' and '.join(missing)}, so it is another dynamics",
            expected=f"every letter of {known}",
            found=" ".join(sorted(set(used))),
            fix=f"put {' and '.join(missing)} into the word",
        )


def _with_shares(word: str, occurrences: list[tuple[str, Fraction | None]]) -> Word:
    counts = Counter(letter for letter, _ in occurrences)
    explicit = Counter(letter for letter, share in occurrences if share is not None)
    for letter, marked in explicit.items():
        total = sum((share for name, share in occurrences if name == letter and share), Fraction(0))
        if marked != counts[letter] or total != 1:
            raise SchemeError(
                f"the multipliers of {letter} in {word!r} are not shares of one step",
                expected=f"one on each of its {counts[letter]} occurrences, adding up to 1",
                found=f"{marked} multipliers adding up to {total}",
                fix=f"give every {letter} a multiplier, or none of them",
            )
    return tuple(
        (letter, Fraction(1, counts[letter]) if share is None else share)
        for letter, share in occurrences
    )
