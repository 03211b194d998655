r"""Splittings derived from the triple: parts with exact flows, their letters, a default word.

$$v = \sum_{\text{parts}} v_{part}, \qquad D = \sum_{\text{parts}} D_{part}$$

Each part is solved for itself, the others standing still, in the order a word spells.

Properties: Ito; a word whose letters are all exact has weak order 1, a palindrome 2
(`sdekit.schemes.order.order_claims`); one letter of a palindrome may be inexact of order 2 or more.
Use the default word unless you know why not: it is a palindrome with one force per step.

Not for the order of a word on this dynamics (`sdekit.schemes.order.scheme_order`) nor for running
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.dynamics_checks import require_free_entries
from sdekit.errors import SchemeError
from sdekit.notebook import ShownInNotebooks
from sdekit.schemes.split.flow_records import Blocks, Inexact, IntervalNoise, Part, PowerNoise
from sdekit.schemes.split.lettering import whole_part, with_gradient_noise
from sdekit.schemes.split.parts import find_parts
from sdekit.schemes.split.scheme_names import EULER_MARUYAMA, named
from sdekit.schemes.split.split_proof import SumProof, prove_sum
from sdekit.schemes.split.word import Word, parse_word


@dataclass(frozen=True)
class Splitting(ShownInNotebooks):
    """A dynamics as the sum of parts.

    Attributes:
        dynamics: The dynamics in Ito form, gradient noise left out: what a run draws.
        parts: The parts, in the order of their listing.
        default_word: A palindrome over the letters, or "EM" if the whole is one inexact part.
        proof: Why the parts add up to the dynamics.
        notes: What else could have been chosen, in words.
    """

    dynamics: Dynamics
    parts: tuple[Part, ...]
    default_word: str
    proof: SumProof
    notes: tuple[str, ...] = ()

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of the parts."""
        return tuple(part.letter for part in self.parts)

    @property
    def gradient_noise(self) -> Blocks:
        """The blocks B of declared gradient noise, both triangles, whichever part has them."""
        return tuple(block for part in self.parts for block in part.gradient_noise)

    def part(self, letter: str) -> Part:
        """The part of a letter.

        Raises:
            SchemeError: If there is none.
        """
        for part in self.parts:
            if part.letter == letter:
                return part
        raise SchemeError(
            f"this dynamics has no part {letter!r}",
            expected=f"one of {' '.join(self.letters)}",
            found=repr(letter),
        )

    def parse(self, word: str) -> Word:
        """Letters and shares of a word over the parts; see `sdekit.schemes.split.word`.

        Raises:
            SchemeError: If the word does not fit the parts, names another kind of scheme, or runs
                noise or friction backwards.
        """
        if named(word) is not None:
            raise SchemeError(
                f"{word} is no word over letters",
                expected=f"letters out of {' '.join(self.letters)}",
                fix="use it as a scheme of its own",
            )
        parsed = parse_word(word, self.letters)
        for letter, share in parsed:
            if share < 0 and self.part(letter).diffusion:
                raise SchemeError(
                    f"the word {word!r} runs the noise of {letter} backwards",
                    expected="multipliers >= 0 for parts with noise",
                    found=f"{letter}[{share}]",
                )
        return parsed

    def to_dict(self) -> dict[str, Any]:
        """The splitting as plain data."""
        return {
            "format": 1,
            "name": self.dynamics.name,
            "default_word": self.default_word,
            "sums_to_dynamics": self.proof.to_dict(),
            "parts": [_part_dict(part) for part in self.parts],
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        name = self.dynamics.name or "the dynamics"
        lines = [f"Splitting of {name}, default {self.default_word}"]
        for part in self.parts:
            flow = "exact flow" if part.exact else f"sub-integrator {_method(part)}"
            lines.append(f"  {part.letter}  {part.kind}, {flow}")
            lines += [f"       d{x.name} = ({rate}) dt" for x, rate in part.updates]
            lines += [f"       D[{x.name}, {y.name}] = {block}" for (x, y), block in part.diffusion]
            lines += [
                f"       D[{x.name}, {y.name}] = {block} by the noise of the gradient, not injected"
                for (x, y), block in part.gradient_noise
            ]
        lines.append(f"  {self.proof}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def _method(part: Part) -> str:
    assert isinstance(part.flow, Inexact | IntervalNoise)
    steps = f" in {part.flow.substeps} sub-steps" if part.flow.substeps > 1 else ""
    return f"{part.flow.method} of order {part.flow.order}{steps}"


def _part_dict(part: Part) -> dict[str, Any]:
    carried = {f"{x.name}, {y.name}": str(block) for (x, y), block in part.gradient_noise}
    return {
        "letter": part.letter,
        "kind": part.kind,
        "exact": part.exact,
        "flow": type(part.flow).__name__ if part.exact else _method(part),
        "drift": {x.name: str(rate) for x, rate in part.updates},
        "diffusion": {f"{x.name}, {y.name}": str(block) for (x, y), block in part.diffusion},
        **({"gradient_noise": carried} if carried else {}),
        "reads": [x.name for x in part.reads],
        "functions": list(part.functions),
    }


def splitting(dynamics: Dynamics, *, separate_forces: bool = False) -> Splitting:
    """Derive the parts of a dynamics that can be solved one by one.

    Args:
        dynamics: Any declaration; a Stratonovich one is taken in its Ito form. Declared gradient
            noise comes with the part whose drift has the gradient.
        separate_forces: Give each unknown function a kick letter of its own, for multiple time
            steps such as `"B (E A O A E)*4 B"`.

    Returns:
        Parts, letters, a default word and the proof that the parts add up.

    Example:
        >>> import sdekit as sk
        >>> x, p = sk.scalar("x"), sk.scalar("p")
        >>> U = sk.potential("U", x)
        >>> drift = {x: p, p: -sk.grad(U, x) - p}
        >>> d = sk.Dynamics(drift, {p: 1}, hamiltonian=U + p**2 / 2, target=U)
        >>> splitting(d).letters, splitting(d).default_word
        (('A', 'B', 'O'), 'BAOAB')

    Source: Leimkuhler, Matthews (2013), doi:10.1093/amrx/abs010 for the letters A, B, O [recalled].
    Checked by: tests/schemes/split/test_splitting.py,
    tests/schemes/split/test_splitting_catalog.py.
    """
    require_free_entries(dynamics.variables, "no scheme here keeps")
    ito = dynamics.injected().ito()
    # Nothing moves where all drifts are zero; that is a part as well.
    parts = find_parts(ito, separate_forces=separate_forces) or (whole_part(ito),)
    parts = with_gradient_noise(ito, parts, dynamics.gradient_noise)
    notes = _notes(parts)
    if ito.depends_on_time:
        notes += ("A word reads the time in the middle of the step, EM at its beginning.",)
    return Splitting(ito, parts, _default_word(ito, parts), prove_sum(ito, parts), notes)


#: From the ends of the default word to its middle: forces outside, so that the last force of a
#: step serves the next one; noise in the middle, where it acts once.
_FROM_OUTSIDE = "BARDEFGHIJKLNPQTUVWXYZSCO"


def _default_word(dynamics: Dynamics, parts: tuple[Part, ...]) -> str:
    has_remainder = any(isinstance(part.flow, Inexact) for part in parts)
    keeps_domain = any(isinstance(part.flow, PowerNoise | IntervalNoise) for part in parts)
    # Euler-Maruyama leaves a domain at whose end the noise vanishes.
    if has_remainder and not keeps_domain and (len(parts) == 1 or dynamics.hamiltonian is None):
        return EULER_MARUYAMA.name
    ordered = _kicks_together(sorted(parts, key=lambda part: _FROM_OUTSIDE.index(part.letter)))
    letters = [part.letter for part in ordered]
    return "".join(letters[:-1] + letters[::-1])


def _kicks_together(parts: list[Part]) -> list[Part]:
    """The parts with all that only kicks the same momenta next to the force.

    Forces may nearly cancel, such as mu (xi - A) grad A of a thermostat whose noise depends on the
    position: between its halves a thermostat would see momenta that only one of them has moved, and
    chains run away.
    """
    kick = next((part for part in parts if part.kind == "kick"), None)
    if kick is None:
        return parts
    with_it = [p for p in parts if p.kind == "shear" and p.moves == kick.moves]
    rest = [part for part in parts if part not in with_it]
    place = rest.index(kick) + 1
    return [*rest[:place], *with_it, *rest[place:]]


def _notes(parts: tuple[Part, ...]) -> tuple[str, ...]:
    notes = []
    for part in parts:
        if part.kind == "linear block":
            names = ", ".join(x.name for x in part.moves)
            notes.append(
                f"{part.letter} moves {names} jointly; solving each alone, with the others frozen, "
                "would be exact part by part as well, at the price of more splitting error."
            )
        if isinstance(part.flow, IntervalNoise):
            notes.append(
                f"{part.letter} has the exact mean and variance and stays in the interval; its law "
                "is of weak order 2."
            )
        elif not part.exact:
            notes.append(f"{part.letter} has no exact flow that is known here: {_method(part)}.")
    return tuple(notes)
