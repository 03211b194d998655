r"""Steps of kernels read from text: what `[kernel] steps = [...]` of a model file holds.

    refresh p [keep C] [noise S] [law E]            flip p xi        flip x -> y, y -> x
    metropolis PROPOSAL [then PROPOSAL] [flip ...] [accept barker] [energy E] [count B A]
               [volume 0 | volume C: -n*xi] [symmetric]
    slice PROPOSAL [flip ...] [level after]         map x -> a*x, y -> y/a
    delayed METROPOLIS | METROPOLIS [| forgetful]   choose 1/2: STEP | 1/2: STEP
    PROPOSAL: (BAB)^L, (BAB)^{1: 1/2, 2: 1/2}, BAOAB step h/2, midpoint^L, map ..., walk x scale s,
              jump x to MEAN scale s

Not for building steps (`building`), writing them (`steps`) nor for files (`kernel_file`).
Checked by: tests/kernels/test_kernel_file.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.parser import Scope, parse_expression
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import ModelFileError
from sdekit.kernels import building
from sdekit.kernels.steps import (
    RATIO,
    STEP_SIZE,
    Metropolis,
    Step,
)

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FLOW = re.compile(r"(?:\(\s*(?P<inner>.*?)\s*\)|(?P<word>[^^{}]*?))\s*(?:\^\s*(?P<count>.+))?")
_CLAUSES = {
    "refresh": ("keep", "noise", "law"),
    "metropolis": ("then", "flip", "accept", "energy", "count", "volume", "symmetric"),
    "slice": ("then", "flip", "level"),
    "proposal": ("to", "scale", "step"),
}

#: Words that no symbol of a kernel file may be called.
RESERVED = frozenset(word for words in _CLAUSES.values() for word in words)


class StepReader:
    """Reads steps over the symbols of a model.

    Args:
        dynamics: What letters are parts of.
        scope: The declared names; the step size h and other symbols of a kernel included.
        where: The entry of the file, for messages.
    """

    def __init__(self, dynamics: Dynamics, scope: Scope, where: str = "kernel.steps") -> None:
        self.dynamics, self.where = dynamics, where
        taken = sorted(set(scope) & RESERVED)
        if taken:
            raise ModelFileError(
                f"{', '.join(taken)} is a word of the grammar of steps",
                where=where,
                fix="rename the symbol",
            )
        self.scope = {STEP_SIZE.name: STEP_SIZE, **scope}

    def step(self, text: str) -> Step:
        """One step.

        Raises:
            ModelFileError: If it cannot be read.
            SdekitError: If what is read makes no step.
        """
        head, _, rest = text.strip().partition(" ")
        rule = _STEPS.get(head)
        if rule is None:
            return self._proposal(text)
        return rule(self, rest.strip())

    def _error(self, what: str, found: str, expected: str | None = None) -> ModelFileError:
        return ModelFileError(what, where=self.where, expected=expected, found=repr(found)[:80])

    def _formula(self, text: str, extra: Scope | None = None) -> Expression:
        return parse_expression(text, {**self.scope, **(extra or {})}, self.where)

    def _variable(self, name: str) -> Variable:
        found = self.scope.get(name.strip())
        if not isinstance(found, Variable):
            known = [k for k, thing in self.scope.items() if isinstance(thing, Variable)]
            raise self._error("this is no variable", name, f"one of {', '.join(known)}")
        return found

    def _images(self, text: str) -> dict[Variable, Expression]:
        if "->" not in text:
            return {x: -x for x in map(self._variable, text.replace(",", " ").split())}
        found = {}
        for pair in split_at(text, ","):
            name, arrow, image = pair.partition("->")
            if not arrow:
                raise self._error("an image has no arrow", pair, "x -> expression")
            found[self._variable(name)] = self._formula(image)
        return found

    def _refresh(self, text: str) -> Step:
        head, clauses = clauses_of(text, _CLAUSES["refresh"])
        given = {name: self._formula(value) for name, value in clauses}
        names = head.replace(",", " ").split()
        return building.refresh(*map(self._variable, names), **given)

    def _metropolis(self, text: str) -> Metropolis:
        head, clauses = clauses_of(text, _CLAUSES["metropolis"])
        proposals = [head, *(value for name, value in clauses if name == "then")]
        given: dict[str, Any] = {}
        for name, value in clauses:
            if name == "flip":
                given["flip"] = self._images(value)
            elif name == "accept":
                plain = value in building.ACCEPTANCES
                ratio = {RATIO.name: RATIO}
                given["accept"] = value if plain else self._formula(value, ratio)
            elif name == "energy":
                given["energy"] = self._formula(value)
            elif name == "count":
                given["count"] = value
            elif name == "volume":
                given["log_volume"] = self._volume(value)
            elif name == "symmetric":
                given["is_symmetric"] = True
        return building.metropolis(*map(self._proposal, proposals), **given)

    def _volume(self, text: str) -> Any:
        pairs = [part.partition(":") for part in split_at(text, ",")]
        if len(pairs) == 1 and not pairs[0][1]:
            return self._formula(text)
        return {name.strip(): self._formula(rate) for name, _, rate in pairs}

    def _slice(self, text: str) -> Metropolis:
        head, clauses = clauses_of(text, _CLAUSES["slice"])
        given = dict(clauses)
        flips = self._images(given["flip"]) if "flip" in given else None
        level = given.get("level", "before")
        return building.slice_step(self._proposal(head), flip=flips, level=level)

    def _delayed(self, text: str) -> Step:
        first, second, *rest = [part.strip() for part in split_at(text, "|")] + [""]
        if rest not in ([], [""], ["forgetful", ""]) or not second:
            raise self._error("delayed rejection has two attempts", text, "FIRST | SECOND")
        attempts = self._metropolis(first), self._metropolis(second)
        return building.delayed(*attempts, remembers="forgetful" not in rest)

    def _choose(self, text: str) -> Step:
        options = []
        for part in split_at(text, "|"):
            weight, colon, step = part.partition(":")
            if not colon:
                raise self._error("an option has no weight", part, "1/2: STEP")
            options.append((self._formula(weight), self.step(step)))
        return building.choose(options)

    def _proposal(self, text: str) -> Any:
        head, _, rest = text.strip().partition(" ")
        body, clauses = clauses_of(rest, _CLAUSES["proposal"])
        given = dict(clauses)
        if head == "map":
            return building.map_to(self._images(rest))
        if head == "walk" and "scale" in given:
            return building.random_walk(self._variable(body), self._formula(given["scale"]))
        if head == "jump" and {"to", "scale"} <= given.keys():
            mean, scale = self._formula(given["to"]), self._formula(given["scale"])
            return building.jump(self._variable(body), mean, scale)
        word, clauses = clauses_of(text.strip(), ("step",))
        size = self._formula(dict(clauses)["step"]) if clauses else None
        match = _FLOW.fullmatch(word)
        if match is None:
            raise self._error("this is no step", text, f"one of {', '.join(_STEPS)}, or a word")
        count = 1 if match["count"] is None else self._count(match["count"].strip())
        letters = (match["inner"] or match["word"] or "").strip()
        if letters == "midpoint":
            return building.implicit_midpoint(self.dynamics, count, step_size=size)
        return building.flow(self.dynamics, letters, count, step_size=size)

    def _count(self, text: str) -> Any:
        if text.isdigit():
            return int(text)
        if text.startswith("{") and text.endswith("}"):
            pairs = [part.partition(":") for part in split_at(text[1:-1], ",")]
            if all(k.strip().isdigit() for k, _, _ in pairs):
                return {int(k): self._formula(w) for k, _, w in pairs}
        if _WORD.fullmatch(text):
            found = self.scope.get(text, Dim(text))
            if isinstance(found, Dim):
                return found
        raise self._error("the number of steps is wrong", text, "3, L or {1: 1/2, 2: 1/2}")


_STEPS: dict[str, Callable[[StepReader, str], Step]] = {
    "refresh": StepReader._refresh,
    "flip": lambda reader, text: building.flip(reader._images(text)),
    "map": lambda reader, text: building.map_to(reader._images(text)),
    "metropolis": StepReader._metropolis,
    "slice": StepReader._slice,
    "delayed": StepReader._delayed,
    "choose": StepReader._choose,
}


def split_at(text: str, mark: str) -> list[str]:
    """The pieces between marks that stand outside of brackets."""
    pieces, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == mark and depth == 0:
            pieces.append(text[start:place])
            start = place + 1
    return [*pieces, text[start:]]


def clauses_of(text: str, words: Sequence[str]) -> tuple[str, list[tuple[str, str]]]:
    """What stands before the first of some words, and what stands behind each of them."""
    found: list[tuple[int, int, str]] = []
    for match in _WORD.finditer(text):
        before = text[: match.start()]
        depth = sum(before.count(sign) for sign in "([{") - sum(before.count(s) for s in ")]}")
        if match[0] in words and depth == 0:
            found.append((match.start(), match.end(), match[0]))
    if not found:
        return text.strip(), []
    ends = [*(start for start, _, _ in found[1:]), len(text)]
    return text[: found[0][0]].strip(), [
        (word, text[stop:end].strip()) for (_, stop, word), end in zip(found, ends, strict=True)
    ]
