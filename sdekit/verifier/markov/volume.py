r"""Volume: how much a move of a kernel stretches space, and whether the acceptance says the same.

Along an exact flow $\log|\det D\phi_t| = \int_0^t\nabla\cdot v(\phi_s)\,ds$; for a closed form
whose Jacobian is block-triangular the sum of $\log|\det|$ over its diagonal blocks. The implicit
midpoint rule keeps the volume where the field is Hamiltonian. Not for the rest of an acceptance
(`acceptance`).

Source: Hairer, Lubich, Wanner (2006), section VI.4 [recalled].
Checked by: tests/verifier/markov/test_volume.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from sdekit.calculus.contraction import (
    Tensor,
    contract,
    counterexample,
    gradient,
    is_zero,
    lower,
    reindex,
    text,
)
from sdekit.calculus.contraction.fokker_planck import lower_dynamics
from sdekit.calculus.contraction.rules import elementary
from sdekit.calculus.contraction.rules.powers import reciprocal
from sdekit.calculus.contraction.tensor import combine, eye, ones, zero
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.symbols import Variable
from sdekit.kernels.path import letters_of_word
from sdekit.kernels.steps import Flow, GaussianJump, Map, Metropolis, Midpoint
from sdekit.verifier.markov.kernel_problem import KernelProblem, read_permutation, require_free
from sdekit.verifier.verdict import Check, Witness, proved, refuted, undecided


def log_determinant(problem: KernelProblem, step: Map) -> Tensor:
    """log |det| of the Jacobian of a closed form.

    Raises:
        Unsupported: If its Jacobian is not block-triangular, or a diagonal block is no multiple
            of the identity and not diagonal.
    """
    try:
        read_permutation(problem, step.images)
        return zero()
    except Unsupported:
        pass
    slopes = _triangular(step)
    return combine(
        [(Fraction(1), zero()), *((Fraction(1), _log(slopes[x, x], x)) for x, _ in step.images)]
    )


def is_one_to_one(problem: KernelProblem, step: Map) -> bool:
    """Whether a closed form is seen to be a bijection: every block times what it does not read.

    Raises:
        Unsupported: As `log_determinant`.
    """
    log_determinant(problem, step)
    try:
        read_permutation(problem, step.images)
    except Unsupported:
        slopes = _triangular(step)
        return all(is_zero(gradient(slopes[x, x], x)) for x, _ in step.images)
    return True


def _triangular(step: Map) -> dict[tuple[Variable, Variable], Tensor]:
    """The Jacobian of a closed form, in blocks.

    Raises:
        Unsupported: If it is not block-triangular.
    """
    images = {x: lower(image, x.shape) for x, image in step.images}
    for x in images:
        require_free(x)
    slopes = {(x, y): gradient(images[x], y) for x in images for y in images}
    left = set(images)
    while left:
        # A block whose row has no other entry among those left comes first.
        free = [x for x in left if all(y == x or is_zero(slopes[x, y]) for y in left)]
        if not free:
            raise Unsupported("the Jacobian of the map is not seen to be triangular")
        left -= set(free)
    return slopes


def _log(slope: Tensor, x: Variable) -> Tensor:
    """log |det| of one diagonal block."""
    if not x.shape:
        return _log_magnitude(slope)
    labels = range(slope.ndim)
    identity = eye(x.shape)
    count = contract(identity, labels, identity, labels, ())
    scale = contract(slope, labels, identity, labels, ()) * reciprocal(count)
    if is_zero(slope - scale * identity):
        return count * _log_magnitude(scale)
    axes = tuple(range(len(x.shape)))
    entries = reindex(slope, (*axes, *axes), axes)
    if is_zero(slope - contract(entries, axes, identity, (*axes, *labels[len(axes) :]), labels)):
        return contract(_log_magnitude(entries), axes, ones(x.shape), axes, ())
    raise Unsupported(
        f"the Jacobian of {x.name} is neither a multiple of the identity nor diagonal"
    )


def _log_magnitude(tensor: Tensor) -> Tensor:
    number = tensor.number
    if number is not None and abs(number) == 1:
        return zero()
    if tensor.is_empty or is_zero(tensor):
        raise Unsupported("the map is singular")
    return elementary.apply("log", elementary.apply("abs", tensor))


def check_volume(problem: KernelProblem, step: Metropolis | Map | Flow | Midpoint) -> Check | None:
    """Whether the volume change of a step is known, and stated rightly where it is stated.

    Returns:
        Proved with the rates; refuted with a point where a stated one is not the true one. None
        where nothing moves by a map.

    Raises:
        Unsupported: If a volume is not known.
    """
    proposal = step.proposal if isinstance(step, Metropolis) else (step,)
    stated = dict((step.log_volume if isinstance(step, Metropolis) else None) or ())
    is_stated = isinstance(step, Metropolis) and step.log_volume is not None
    said: list[str] = []
    known = volumes(problem, proposal)
    unknown = sorted(stated.keys() - known.keys())
    if unknown:
        return undecided(f"a log-volume is stated of {', '.join(unknown)}, which moves by no map")
    for name, true in known.items():
        if is_stated:
            claimed = lower(stated[name]) if name in stated else zero()
            if not is_zero(claimed - true):
                return _wrong(name, claimed, true)
        if not true.is_empty:
            said.append(f"{name}: {text(true)}")
    if all(isinstance(part, GaussianJump) for part in proposal):
        return None
    if not said:
        return proved("every map keeps the volume")
    return proved(f"log-volume (per unit of time of a letter) {', '.join(said)}")


def _wrong(name: str, claimed: Tensor, true: Tensor) -> Check:
    reason = f"log-volume of {name}: {text(claimed)} is counted, it is {text(true)}"
    found = counterexample(claimed - true)
    if found is None:
        return undecided(reason, residual=text(claimed - true))
    witness = Witness(found.dimensions, found.point, found.value, functions=found.functions)
    return refuted(reason, witness, residual=text(claimed - true))


def volumes(
    problem: KernelProblem, proposal: tuple[Flow | Midpoint | Map | GaussianJump, ...]
) -> dict[str, Tensor]:
    """The rate of log-volume of each letter without noise, and the log-volume of each map.

    Raises:
        Unsupported: If one is not known.
    """
    found: dict[str, Tensor] = {}
    maps = sum(isinstance(part, Map) for part in proposal)
    for part in proposal:
        if isinstance(part, Flow):
            for letter in dict.fromkeys(letter.part for letter in letters_of_word(part)):
                if not letter.diffusion:
                    _add(found, letter.letter, problem.volume_rate(letter))
        elif isinstance(part, Map):
            value = log_determinant(problem, part)
            if maps > 1 and not value.is_empty:
                raise Unsupported("more than one map with a volume of its own")
            found["map"] = value
        elif isinstance(part, Midpoint):
            require_hamiltonian(part)
            found["midpoint"] = zero()
    return found


def _add(found: dict[str, Tensor], name: str, value: Tensor) -> None:
    if name in found and found[name] != value:
        raise Unsupported(f"two dynamics have a letter {name}, of two volumes")
    found[name] = value


def require_hamiltonian(step: Midpoint) -> None:
    """Refuse a field that is not x' = dK/dp, p' = -dK/dx for some K.

    Raises:
        Unsupported: If the field has noise or is not seen to be Hamiltonian, positions and momenta
            being the first and the second half of the blocks.
    """
    dynamics = step.dynamics
    for x in dynamics.variables:
        require_free(x)
    drift = lower_dynamics(dynamics).drift
    half = len(dynamics.variables) // 2
    pairs = list(zip(dynamics.variables[:half], dynamics.variables[half:], strict=False))
    slope = {x: -drift[p] for x, p in pairs} | {p: drift[x] for x, p in pairs}
    are_pairs = len(slope) == len(dynamics.variables) and all(x.shape == p.shape for x, p in pairs)
    if not are_pairs or any(True for _ in dynamics.blocks()) or not _is_gradient(slope):
        raise Unsupported("the field of the midpoint rule is not seen to be Hamiltonian")


def _is_gradient(field: Mapping[Variable, Tensor]) -> bool:
    """Whether the Jacobian of a field is symmetric."""
    for x, here in field.items():
        for y, there in field.items():
            back = gradient(there, x)
            labels = range(back.ndim)
            turned = (*labels[len(y.shape) :], *labels[: len(y.shape)])
            if not is_zero(gradient(here, y) - reindex(back, labels, turned)):
                return False
    return True
