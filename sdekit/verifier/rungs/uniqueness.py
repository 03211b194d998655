r"""Rung: at most one stationary density, by Hoermander's bracket condition at every point.

The theorem needs smooth coefficients on a connected set. A pole or a jump may split the state
space, so that nothing is proved across one; kinks and jumps of the drift in directions of definite
noise change the process by a density (Girsanov), which keeps which sets are reached. Refuted where
a conserved quantity that is not constant is found; a missing noise or a deficient rank alone says
nothing. Uniqueness then follows for a process that has a positive density; the ladder reports it
beside the verdict.

Source: Hoermander (1967); Pavliotis (2014), section 6.1 (the bracket condition in parabolic form).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from sdekit.calculus.contraction import contract, generator, gradient, is_zero, lower
from sdekit.calculus.contraction.tensor import Tensor, ones, reindex
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.smoothness import has_pole, is_continuous, rough_parts
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.brackets import definite_blocks, spanned_blocks, spanned_coordinates
from sdekit.verifier.verdict import Check, Witness, proved, refuted, undecided

#: Points at which the slope of a conserved quantity is looked at.
_POINTS = 12


def check_uniqueness(problem: Problem) -> Check:
    """Whether the brackets of drift and noise span all directions at every point.

    Args:
        problem: A dynamics with H.

    Returns:
        Proved with the order in which the blocks are reached; refuted with the conserved quantity;
        or undecided.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.

    Checked by: tests/verifier/rungs/test_uniqueness.py.
    """
    conserved = _conserved(problem)
    if conserved is not None:
        return conserved
    split = _may_be_split(problem)
    if split is not None:
        return undecided(split)
    try:
        reached, steps = spanned_blocks(problem)
    except Unsupported:
        reached, steps = frozenset(), []
    missing = [x.name for x in problem.dynamics.variables if x not in reached]
    if not missing:
        return proved("Hoermander's condition holds everywhere: " + "; ".join(steps))
    if not problem.is_for_all_sizes:
        reason = spanned_coordinates(problem)
        if reason is not None:
            return proved(f"Hoermander's condition holds everywhere: {reason}")
    if not problem.dynamics.diffusion:
        return undecided("there is no noise, and no conserved quantity was found")
    names = ", ".join(missing)
    return undecided(f"the brackets were not shown to span the directions of {names} everywhere")


def _may_be_split(problem: Problem) -> str | None:
    """Why the set where the coefficients are smooth may have several parts; None if it has one."""
    dynamics = problem.dynamics
    assert dynamics.hamiltonian is not None
    noisy = definite_blocks(problem)
    smooth = [block for _, block in dynamics.blocks()]
    smooth += [dynamics.drift[x] for x in dynamics.variables if x not in noisy]
    harsh = [part for e in smooth for part in _rough(e)]
    harsh += [part for part in _rough(dynamics.hamiltonian) if not is_continuous(part)]
    for x in dynamics.variables:
        if x in noisy and has_pole(dynamics.drift[x]):
            harsh += list(_rough(dynamics.drift[x]))
    if not harsh:
        return None
    return f"where {harsh[0]!r} is not smooth the state space may fall into parts"


def _rough(expression: Expression) -> Iterator[Expression]:
    return rough_parts(expression, inside=True)


def _conserved(problem: Problem) -> Check | None:
    """A quantity that the dynamics keeps and that is not constant."""
    rules = (
        _conserved_energy,
        _conserved_antisymmetric_part,
        _conserved_block,
        _conserved_function,
        _conserved_side,
    )
    for found in rules:
        check = found(problem)
        if check is not None:
            return check
    return None


def _noiseless(problem: Problem, x: Variable) -> bool:
    return all(problem.dynamics.diffusion_block(x, y) is None for y in problem.dynamics.variables)


def _refutation(name: str, witness: Witness) -> Check:
    reason = f"{name} is conserved, so each of its values has a stationary law of its own"
    return refuted(reason, witness, details={"conserved": name})


def _conserved_side(problem: Problem) -> Check | None:
    from sdekit.verifier.currents.barriers import barrier_found

    try:
        found = barrier_found(problem)
    except Unsupported:
        return None
    if found is None:
        return None
    q, witness = found
    return refuted(
        f"the surface {q} = 0 is never reached, and each of its sides has a stationary law",
        witness,
        details={"conserved": f"the sign of {q}"},
    )


def _conserved_energy(problem: Problem) -> Check | None:
    model = problem.lowered
    if model.diffusion or not is_zero(generator(model, model.energy)):
        return None
    if all(is_zero(gradient(model.energy, x)) for x in model.variables):
        return None
    from sdekit.verifier.pointwise.exact_points import (
        admissible_points,
        number_text,
        point_text,
        surely_nonzero,
        value_at,
    )

    for sizes in problem.trial_sizes():
        at = problem.components(sizes)
        assert at.hamiltonian is not None
        slopes = [(x, at.hamiltonian.diff(x)) for x in at.coordinates]
        for point in admissible_points(at, _POINTS):
            for x, slope in slopes:
                value = value_at(slope, point)
                if value is not None and surely_nonzero(value):
                    text = f"dH/d{x} = {number_text(value)}"
                    return _refutation("H", Witness(sizes, point_text(point), text))
    return None


def _conserved_function(problem: Problem) -> Check | None:
    """|X|^2 or the sum of the entries of a block: L f = 0 and no noise along grad f."""
    model = problem.lowered
    for x in model.variables:
        if x.symmetry is not None or x.domain.kind not in ("real", "positive"):
            continue
        labels = range(len(x.shape))
        square = contract(lower(x), labels, lower(x), labels, ())
        total = contract(lower(x), labels, ones(x.shape), labels, ())
        for name, f in ((f"|{x.name}|**2", square), (f"the sum of {x.name}", total)):
            if _is_conserved(problem, x, f):
                low, high = _two_values(x)
                values = {low * low, high * high} if "|" in name else {low, high}
                point = {"_".join([x.name, *("1" for _ in x.shape)]): str(high)}
                sizes = next(iter(problem.trial_sizes()))
                return _refutation(name, Witness(sizes, point, str(max(values) - min(values))))
    return None


def _is_conserved(problem: Problem, x: Variable, f: Tensor) -> bool:
    model = problem.lowered
    slope = gradient(f, x)
    axes = range(len(x.shape))
    try:
        for (y, z), block in model.diffusion.items():
            if z != x:
                continue
            shift = len(y.shape)
            along = contract(
                block, range(block.ndim), slope, [shift + k for k in axes], range(shift)
            )
            if not is_zero(along):
                return False
        return is_zero(generator(model, f))
    except Unsupported:
        return False


def _two_values(x: Variable) -> tuple[Fraction, Fraction]:
    """Two numbers in the domain of a variable."""
    domain = x.domain
    if domain.kind == "positive":
        return Fraction(1), Fraction(2)
    if domain.lower is not None and domain.upper is not None:
        low, high = domain.simple_ends
        return low + (high - low) / 4, low + 3 * (high - low) / 4
    return Fraction(0), Fraction(1)


def _conserved_antisymmetric_part(problem: Problem) -> Check | None:
    """X - X^T of a full square matrix whose drift is symmetric and noiseless."""
    for x in problem.dynamics.variables:
        is_full = len(x.shape) == 2 and x.shape[0] == x.shape[1] and x.symmetry is None
        size = x.shape[0].size if is_full else None
        size = size or (problem.sizes or {}).get(x.shape[0].name, 2) if is_full else 1
        if not is_full or size < 2 or not _noiseless(problem, x):
            continue
        if is_zero(_antisymmetric_part(problem.lowered.drift[x])):
            low, high = _two_values(x)
            point = {f"{x.name}_1_2": str(high), f"{x.name}_2_1": str(low)}
            witness = Witness({x.shape[0].name: size}, point, str(high - low))
            return _refutation(f"{x.name} - transpose({x.name})", witness)
    return None


def _antisymmetric_part(drift: Tensor) -> Tensor:
    return drift - reindex(drift, (0, 1), (1, 0))


def _conserved_block(problem: Problem) -> Check | None:
    for x in problem.dynamics.variables:
        if not _noiseless(problem, x) or not is_zero(problem.lowered.drift[x]):
            continue
        for sizes in problem.trial_sizes():
            every = problem.all_sizes(sizes)
            index = ["1" for _ in x.shape]
            if x.symmetry == "antisymmetric":
                if every[x.shape[0].name] < 2:
                    continue
                index[-1] = "2"
            low, high = _two_values(x)
            point = {"_".join([x.name, *index]): str(high)}
            return _refutation(x.name, Witness(sizes, point, str(high - low)))
    return None
