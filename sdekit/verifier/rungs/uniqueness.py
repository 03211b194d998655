r"""Rung: at most one stationary density, by Hoermander's bracket condition at every point.

Refuted where a conserved quantity that is not constant is found; a missing noise or a deficient
rank alone says nothing. Uniqueness then follows for a process that has a positive density; the
ladder reports it beside the verdict.

Source: Hoermander (1967); Pavliotis (2014), section 6.1 (the bracket condition in parabolic form).
"""

from __future__ import annotations

from sdekit.calculus.contraction import generator, is_zero, text
from sdekit.calculus.contraction.tensor import Tensor, reindex
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.brackets import spanned_blocks, spanned_coordinates
from sdekit.verifier.verdict import Check, Witness, proved, refuted, undecided


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


def _conserved(problem: Problem) -> Check | None:
    """A quantity that the dynamics keeps, with a point where it differs from its value at 0."""
    for found in (_conserved_energy, _conserved_antisymmetric_part, _conserved_block):
        check = found(problem)
        if check is not None:
            return check
    return None


def _noiseless(problem: Problem, x: Variable) -> bool:
    return all(problem.dynamics.diffusion_block(x, y) is None for y in problem.dynamics.variables)


def _refutation(name: str, witness: Witness) -> Check:
    reason = f"{name} is conserved, so each of its values has a stationary law of its own"
    return refuted(reason, witness, details={"conserved": name})


def _conserved_energy(problem: Problem) -> Check | None:
    model = problem.lowered
    if model.diffusion or not is_zero(generator(model, model.energy)):
        return None
    sizes = next(iter(problem.trial_sizes()))
    first, *_ = model.variables
    witness = Witness(sizes, {}, f"H = {text(model.energy)}, which depends on {first.name}")
    return _refutation("H", witness) if model.energy.depends else None


def _conserved_antisymmetric_part(problem: Problem) -> Check | None:
    """X - X^T of a full square matrix whose drift is symmetric and noiseless."""
    for x in problem.dynamics.variables:
        is_full = len(x.shape) == 2 and x.shape[0] == x.shape[1] and x.symmetry is None
        size = x.shape[0].size if is_full else None
        size = size or (problem.sizes or {}).get(x.shape[0].name, 2) if is_full else 1
        if not is_full or size < 2 or not _noiseless(problem, x):
            continue
        if is_zero(_antisymmetric_part(problem.lowered.drift[x])):
            point = {f"{x.name}_1_2": "1", f"{x.name}_2_1": "0"}
            witness = Witness({x.shape[0].name: size}, point, "1")
            return _refutation(f"{x.name} - transpose({x.name})", witness)
    return None


def _antisymmetric_part(drift: Tensor) -> Tensor:
    return drift - reindex(drift, (0, 1), (1, 0))


def _conserved_block(problem: Problem) -> Check | None:
    for x in problem.dynamics.variables:
        if _noiseless(problem, x) and is_zero(problem.lowered.drift[x]):
            sizes = next(iter(problem.trial_sizes()))
            name = "_".join([x.name, *("1" for _ in x.shape)])
            return _refutation(x.name, Witness(sizes, {name: "1"}, "1"))
    return None
