r"""One kernel to be verified: its law as a tensor, its flips read, its letters as vector fields.

Notation: F a flip, H the energy, v the vector field of a letter. Not for verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from sdekit.calculus.contraction import Lowered, Tensor, gradient, is_zero, lower, substitute
from sdekit.calculus.contraction.derivative import divergence
from sdekit.calculus.contraction.rules.rational import Fractions
from sdekit.calculus.contraction.splitting_terms import is_positive
from sdekit.calculus.contraction.tensor import combine, zero
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import NEGATIVE, never_negative
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression, Size
from sdekit.declaration.tree.symbols import Variable
from sdekit.kernels.steps import Images, Kernel
from sdekit.schemes.split.flow_records import Inexact, Part
from sdekit.verifier.involutions.flips import Flip


@dataclass(frozen=True)
class KernelProblem:
    """A kernel, with what several claims need computed once."""

    kernel: Kernel

    @cached_property
    def energy(self) -> Tensor:
        """H."""
        return lower(self.kernel.hamiltonian)

    @cached_property
    def dimensions(self) -> tuple[Dim, ...]:
        """The sizes that occur in the state and in H."""
        found: dict[Dim, None] = {}
        for x in self.kernel.variables:
            found.update(dict.fromkeys(x.shape))
        for node in self.kernel.hamiltonian.walk():
            found.update(dict.fromkeys(node.shape))
            if isinstance(node, Size):
                found.setdefault(node.dim)
        return tuple(found)

    def depends_on_state(self, tensor: Tensor) -> bool:
        """Whether any variable of the state occurs."""
        return any(head.data in self.kernel.variables for head in tensor.depends)

    def model(self, part: Part) -> Lowered:
        """A letter as a dynamics of its own, with the law of the kernel.

        Raises:
            Unsupported: If it has no exact flow, or moves a block that is bounded.
        """
        for x in part.moves:
            require_free(x)
        if isinstance(part.flow, Inexact):
            raise Unsupported(
                f"letter {part.letter} has no exact flow, it is solved by {part.flow.method}, "
                "whose volume and reversal are not known"
            )
        variables = self.kernel.variables
        rates = dict(part.updates)
        drift = {x: lower(rates[x], x.shape) if x in rates else zero(x.shape) for x in variables}
        noise = {(x, y): lower(d, x.shape + y.shape) for (x, y), d in part.diffusion}
        return Lowered(variables, drift, noise, self.energy)

    def volume_rate(self, part: Part) -> Tensor:
        """The divergence of a letter's vector field: the rate of its log-volume."""
        model = self.model(part)
        parts = [(Fraction(1), divergence(model.drift[x], x)) for x in model.variables]
        return combine([(Fraction(1), zero()), *parts])

    def energy_rate(self, part: Part) -> Tensor:
        """v . grad H of a letter."""
        from sdekit.calculus.contraction.fokker_planck import generator

        model = self.model(part)
        return generator(Lowered(model.variables, model.drift, {}, self.energy), self.energy)


def require_free(x: Variable) -> None:
    """Refuse to move a block that lives on a bounded domain.

    Raises:
        Unsupported: If it does: what happens at the boundary is no part of the declaration.
    """
    if x.domain.kind != "real":
        raise Unsupported(
            f"{x.name} lives on a {x.domain.kind} domain; what a step does at its end is not said"
        )


def nonnegative(problem: KernelProblem, expression: Expression) -> str | None:
    """None if a scalar is seen to be >= 0; the side condition, where it reads parameters only.

    Raises:
        Unsupported: If it may be negative at some states, or is a negative number.
    """
    signs = entry_signs(expression)
    if never_negative(signs):
        return None
    tensor = lower(expression)
    if (tensor.number is not None and tensor.number >= 0) or _is_positive_fraction(tensor):
        return None
    if tensor.number is not None or signs == NEGATIVE or problem.depends_on_state(tensor):
        raise Unsupported(f"{expression!r} is not seen to be >= 0")
    return f"{expression!r} >= 0"


def _is_positive_fraction(tensor: Tensor) -> bool:
    """Whether a scalar is P/Q with P and Q sums of positive products, as 1 - 1/(1 + exp(U))."""
    fractions = Fractions.of(tensor)
    top, bottom = fractions.reduced(tensor)
    degrees = [max(pair) for pair in zip(top.degrees(), bottom.degrees(), strict=True)]
    occurring = [part for part, d in zip(fractions.variables, degrees, strict=False) if d]
    signs = {value > 0 for part in (top, bottom) for value in part.coeffs()}
    return len(signs) == 1 and all(map(is_positive, occurring))


def read_flip(problem: KernelProblem, images: Images) -> tuple[Flip, ...]:
    """A flip as signs, exchanges and centres of blocks.

    Raises:
        Unsupported: If it is no such map, or no involution.
    """
    found = read_permutation(problem, images)
    at = {f.variable: f.image for f in found}
    if not all(is_zero(substitute(f.image, at) - lower(f.variable)) for f in found):
        raise Unsupported("the flip is no involution")
    return found


def read_permutation(problem: KernelProblem, images: Images) -> tuple[Flip, ...]:
    """A permutation of blocks, up to signs and centres; it may be no involution.

    Raises:
        Unsupported: If it is none.
    """
    found = tuple(_flip(problem, x, image) for x, image in images)
    if {f.source for f in found} != {f.variable for f in found}:
        raise Unsupported("this is no permutation of blocks up to signs and centres")
    return found


def _flip(problem: KernelProblem, x: Variable, image: Expression) -> Flip:
    tensor = lower(image, x.shape)
    sources = [y for y in problem.kernel.variables if y.shape == x.shape]
    for y in sources:
        if (y.domain, y.symmetry) != (x.domain, x.symmetry):
            continue
        own = lower(y)
        for sign in (1, -1):
            rest = tensor - own.scaled(sign)
            if not problem.depends_on_state(rest) and (rest.is_empty or x.domain.kind == "real"):
                if sign < 0:
                    require_free(x)
                return Flip(x, tensor, sign, f"{x.name} -> {image!r}", y)
    raise Unsupported(f"{x.name} -> {image!r} is no block with a sign and a centre")


def keeps_energy(problem: KernelProblem, flips: Sequence[Flip]) -> bool:
    """Whether H is proved to be the same at the flipped state."""
    images = {f.variable: f.image for f in flips}
    return is_zero(substitute(problem.energy, images) - problem.energy)


def reverses(problem: KernelProblem, part: Part, flips: Sequence[Flip]) -> bool:
    """Whether the flip is proved to run a letter backwards; with noise, to keep its balance.

    Without noise $DF\\,v(Fz) = -v(z)$, so that $F\\phi_t F = \\phi_{-t}$. With noise the letter is
    stationary and reversible up to F, so that its paths are as likely backwards as forwards.
    """
    from sdekit.calculus.contraction import current, residual
    from sdekit.verifier.involutions.flips import reverse

    model = problem.model(part)
    if model.diffusion:
        return is_zero(residual(model)) and reverse(model, current(model), flips)
    images = {f.variable: f.image for f in flips}
    by_variable = {f.variable: f for f in flips}
    for x in model.variables:
        chosen = by_variable.get(x)
        source, sign = (x, 1) if chosen is None else (chosen.source, chosen.sign)
        turned = substitute(model.drift[source], images).scaled(sign)
        if not is_zero(turned + model.drift[x]):
            return False
    return True


def require_balance(problem: KernelProblem, part: Part) -> None:
    """Refuse a letter with noise that is not in detailed balance.

    Raises:
        Unsupported: If it is not seen to be.
    """
    from sdekit.calculus.contraction import current, residual

    model = problem.model(part)
    if not (is_zero(residual(model)) and all(is_zero(u) for u in current(model).values())):
        raise Unsupported(f"letter {part.letter} is not in detailed balance")


def constant_along_state(problem: KernelProblem, tensor: Tensor) -> bool:
    """Whether every derivative by the state is proved to vanish."""
    return all(is_zero(gradient(tensor, x)) for x in problem.kernel.variables)
