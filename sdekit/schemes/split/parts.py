"""Find the parts of a splitting in the sorted terms of a triple, and give them their letters.

Not for checking that they add up, nor for words (`sdekit.schemes.split.splitting`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import never_negative
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression, Number
from sdekit.declaration.tree.operators import ZERO, negate
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.ends.linear_noise import linear_noise
from sdekit.schemes.ends.shared_noise import SharedNoise, shared_noise
from sdekit.schemes.ends.vanishing_noise import entrywise_noise
from sdekit.schemes.split.affine import functions_of, total
from sdekit.schemes.split.flow_records import (
    FRICTION_STEPS,
    Blocks,
    Inexact,
    IntervalNoise,
    Joint,
    LinearBlock,
    LinearMap,
    OrnsteinUhlenbeck,
    Part,
    PowerNoise,
    Rotation,
    Shift,
    Updates,
)
from sdekit.schemes.split.lettering import Draft, lettered
from sdekit.schemes.split.linear_maps import (
    diffusion_map,
    linear_map,
    monomial,
    scaled,
    sum_of_maps,
)
from sdekit.schemes.split.pieces import (
    Piece,
    commuting_groups,
    cycles,
    is_frozen,
    noise_of,
    pieces_of,
    pieces_with,
    positions_of,
)

MINUS_ONE = Number(Fraction(-1))


@dataclass
class _Sorted:
    """The terms of a triple on their way into parts; each is taken exactly once."""

    dynamics: Dynamics
    positions: frozenset[Variable]
    pieces: list[Piece]
    noise: Blocks
    drafts: list[Draft] = field(default_factory=list)

    def take(self, taken: Iterable[Piece]) -> None:
        """Remove pieces that went into a part."""
        gone = {id(piece) for piece in taken}
        self.pieces = [piece for piece in self.pieces if id(piece) not in gone]

    def take_noise(self, variables: Iterable[Variable]) -> Blocks:
        """Remove and return the noise among the variables."""
        moved = set(variables)
        taken = tuple((key, block) for key, block in self.noise if set(key) <= moved)
        self.noise = tuple(entry for entry in self.noise if entry not in taken)
        return taken

    def noise_on(self, variable: Variable) -> Blocks:
        """The blocks of D in which the variable takes part."""
        return tuple((key, block) for key, block in self.noise if variable in key)


def find_parts(dynamics: Dynamics, *, separate_forces: bool = False) -> tuple[Part, ...]:
    """The parts of an Ito dynamics, lettered, exact flows wherever one is seen.

    Args:
        dynamics: The declaration, in Ito form and free of time.
        separate_forces: Give each unknown function a kick of its own.
    """
    positions = positions_of(dynamics)
    work = _Sorted(dynamics, positions, list(pieces_of(dynamics, positions)), noise_of(dynamics))
    _take_vanishing_noise(work)
    _take_linear_noise(work)
    _take_remainders(work)
    _take_linear_blocks(work)
    _take_linear(work)
    _take_shifts(work, separate_forces)
    assert not work.noise, f"noise that went into no part: {work.noise}"
    return lettered(work.drafts)


def momenta_of(dynamics: Dynamics, positions: frozenset[Variable]) -> frozenset[Variable]:
    """The auxiliary variables that positions move along."""
    read = (dynamics.drift[x].variables for x in positions)
    return frozenset(y for reads in read for y in reads) - positions


# -- multiplicative noise ------------------------------------------------------------------------


def _take_linear_noise(work: _Sorted) -> None:
    """Variables whose drift and noise are linear in themselves, all matrices commuting."""
    for kind, flow, taken in linear_noise(work.pieces, work.noise):
        work.take(taken)
        noise = work.take_noise(flow.variables)
        work.drafts.append(Draft(kind, "G", flow, _updates(taken), noise))


def _take_vanishing_noise(work: _Sorted) -> None:
    """Blocks whose noise vanishes at an end of their domain, with the drift that keeps them in."""
    for x in work.dynamics.variables:
        blocks = dict(work.noise_on(x))
        shared = shared_noise(x, _joined(work, x)) if len(blocks) > 1 else None
        if (x, x) not in blocks or (len(blocks) > 1 and shared is None):
            continue
        found = entrywise_noise(x, blocks[x, x])
        # With power 0 or 2 other letters are exact, and below 1 the drift of y = x^(2-k) jumps.
        if found is None or found.power == 2 or (found.power is not None and found.power < 1):
            continue
        own = [piece for piece in work.pieces if piece.variable == x]
        linear = [p for p in own if p.linear is not None and p.linear.is_diagonal]
        pulls = [(p, c) for p in own for c in _pull(p, x, found.power)]
        taken = [*(p for p, _ in pulls), *linear]
        work.take(taken)
        pull = total(c for _, c in pulls) if pulls else None
        rate = sum_of_maps(p.linear for p in linear if p.linear is not None)
        updates, along = _updates(taken), () if shared is None else (shared.along,)
        if shared is None:
            noise = work.take_noise([x])
        else:
            updates, noise = _share(work, shared, updates), shared.noise
        if found.power is None:
            flow, kind = IntervalNoise(x, pull, rate, found.coefficient), "interval noise"
        else:
            flow = PowerNoise(x, found.power, pull, rate, found.coefficient, along)
            kind = "power noise"
        work.drafts.append(Draft(kind, "C", flow, updates, noise))


def _joined(work: _Sorted, x: Variable) -> Blocks:
    """The noise of a variable and of all that shares it."""
    near = {y for key, _ in work.noise_on(x) for y in key}
    return tuple(entry for entry in work.noise if set(entry[0]) & near)


def _share(work: _Sorted, shared: SharedNoise, updates: Updates) -> Updates:
    """Leave to a number what does not move along; the drift of both where one does."""
    y, rate = shared.along.variable, shared.rate(updates)
    work.take_noise({x for key, _ in shared.noise for x in key})
    if shared.left != ZERO:
        work.noise = (*work.noise, ((y, y), shared.left))
    if rate == ZERO:
        return updates
    work.pieces += pieces_with(y, negate(rate))
    return (*updates, (y, rate))


def _pull(piece: Piece, x: Variable, power: Fraction | None) -> list[Expression]:
    """The coefficient c of a term c x^(power - 1), where it points into the domain or is fixed."""
    if power is None or power == 1:
        is_taken = piece.is_shift and (not piece.reads or never_negative(entry_signs(piece.term)))
        return [piece.term] if is_taken else []
    found = None if x.shape else monomial(piece.term, x)
    return [found[1]] if found is not None and found[0] == power - 1 and found[0] != 1 else []


# -- remainders ----------------------------------------------------------------------------------


def _take_remainders(work: _Sorted) -> None:
    """Whatever reads itself other than linearly, with its noise."""
    stuck = {p.variable for p in work.pieces if not p.is_shift and p.linear is None}
    whole = _multiplicative(work, stuck)
    stuck |= whole
    groups = [stuck & work.positions, stuck - work.positions]
    if any(set(key) & groups[0] and set(key) & groups[1] for key, _ in work.noise):
        # Noise that they share can only be drawn in one part.
        groups = [stuck]
    for moved in groups:
        if moved:
            _take_remainder(work, [x for x in work.dynamics.variables if x in moved], whole)


def _multiplicative(work: _Sorted, stuck: set[Variable]) -> set[Variable]:
    """Variables whose noise reads them, or is shared in a way that no linear block can hold."""
    found: set[Variable] = set()
    for (x, y), block in work.noise:
        entangled = x != y and (x.shape != y.shape or bool({x, y} & work.positions))
        if entangled or block.variables & {x, y}:
            found |= {x, y}
    for _ in work.dynamics.variables:
        for (x, y), _ in work.noise:
            if x != y and {x, y} & (found | stuck):
                found |= {x, y}
    return found


def _take_remainder(work: _Sorted, moved: list[Variable], whole: set[Variable]) -> None:
    pieces = [
        p for p in work.pieces if p.variable in moved and (p.variable in whole or not p.is_shift)
    ]
    is_force = any(functions_of([p.term]) and p.reads & work.positions for p in pieces)
    is_force &= not set(moved) & work.positions
    # Constant noise beside a force is solved exactly for itself: it needs no sub-integrator.
    separate_noise = is_force and not whole & set(moved)
    linear = [p for p in pieces if p.linear is not None]
    if separate_noise:
        pieces = [p for p in pieces if p.linear is None]
        linear = []
    work.take([*pieces, *linear])
    noise = () if separate_noise else work.take_noise(moved)
    updates = _updates(pieces)
    method = "rk4"
    if noise:
        method = "strang" if is_frozen(noise, frozenset(moved)) else "euler_maruyama"
    preferred = "S"
    if set(moved) <= work.positions and not noise:
        preferred = "A"
    elif work.positions and not set(moved) & work.positions and is_force != bool(noise):
        preferred = "O" if noise else "B"
    # Momenta and thermostats that read no unknown function of positions: sub-steps cost little.
    substeps = FRICTION_STEPS if (preferred, method) == ("O", "strang") else 1
    flow = Inexact(updates, noise, method, substeps=substeps)
    work.drafts.append(Draft("remainder", preferred, flow, updates, noise))


# -- linear parts --------------------------------------------------------------------------------


def _take_linear_blocks(work: _Sorted) -> None:
    """Auxiliary variables that drive each other linearly, as one joint block."""
    free = [x for x in work.dynamics.variables if x not in work.positions]
    if not work.positions:
        free = list(work.dynamics.variables)
    edges = {
        (piece.variable, y)
        for piece in work.pieces
        if piece.is_shift and piece.variable in free
        for y in piece.reads
        if y in free and linear_map(piece.term, y) is not None
    }
    edges |= {key for key, _ in work.noise if key[0] != key[1] and set(key) <= set(free)}
    for component in cycles(free, edges):
        shared = {x for key, _ in work.noise for x in key if key[0] != key[1] and x in component}
        if not _take_linear_block(work, component) and shared:
            _take_remainder(work, [x for x in component if x in shared], shared)


def _take_linear_block(work: _Sorted, moved: list[Variable]) -> bool:
    """Take the variables as one block, if all that couples them is linear; say whether."""
    inside = frozenset(moved)
    pieces, matrix = [], []
    for piece in work.pieces:
        if piece.variable not in inside or not piece.reads & inside:
            continue
        sources = piece.reads & inside
        (source, *more) = sources
        found = None if more else linear_map(piece.term, source)
        if found is None or any(c.variables & inside for c in found.pieces):
            return False
        pieces.append(piece)
        matrix.append(((piece.variable, source), found))
    noise = tuple(entry for entry in work.noise if set(entry[0]) & inside)
    if not is_frozen(noise, inside) or any(not set(key) <= inside for key, _ in noise):
        return False
    work.take(pieces)
    noise = work.take_noise(moved)
    entries = tuple(
        (key, sum_of_maps(m for other, m in matrix if other == key))
        for key in dict.fromkeys(key for key, _ in matrix)
    )
    diffusion = tuple((key, _block_map(key, block)) for key, block in noise)
    flow = LinearBlock(tuple(moved), entries, diffusion)
    work.drafts.append(Draft("linear block", "O", flow, _updates(pieces), noise))
    return True


def _block_map(key: tuple[Variable, Variable], block: Expression) -> LinearMap:
    # Off-diagonal blocks have the shape of diagonal ones: linear blocks join equal shapes only.
    return diffusion_map(block, key[0])


def _take_linear(work: _Sorted) -> None:
    """Ornstein-Uhlenbeck and rotation parts of single variables, joined where they commute."""
    rotations = [p for p in work.pieces if p.is_rotation]
    work.take(rotations)
    linear = [p for p in work.pieces if p.linear is not None]
    silent = [x for x in work.dynamics.variables if work.noise_on(x)]
    momenta = momenta_of(work.dynamics, work.positions)
    for group in commuting_groups(linear, work.noise):
        _take_ornstein_uhlenbeck(work, group, momenta)
    for x in silent:
        if work.noise_on(x):
            flow = OrnsteinUhlenbeck(x, LinearMap(), _own_noise(work, x))
            draft = Draft("friction and noise", "O", flow, (), work.take_noise([x]))
            work.drafts.append(draft)
    for piece in rotations:
        assert piece.linear is not None and piece.linear.matrix is not None
        flow = Rotation(piece.variable, piece.linear.matrix)
        work.drafts.append(Draft("rotation", "R", flow, _updates([piece])))


def _own_noise(work: _Sorted, x: Variable) -> LinearMap:
    blocks = [block for key, block in work.noise if key == (x, x)]
    return diffusion_map(blocks[0], x) if blocks else LinearMap()


def _take_ornstein_uhlenbeck(
    work: _Sorted, group: list[Piece], momenta: frozenset[Variable]
) -> None:
    moved = list(dict.fromkeys(piece.variable for piece in group))
    flows, noise = [], ()
    for x in moved:
        maps = [p.linear for p in group if p.variable == x and p.linear is not None]
        friction = scaled(sum_of_maps(maps), MINUS_ONE)
        assert friction is not None
        # A momentum keeps its constant forces in the kick; everything else relaxes to them.
        pull = [] if x in momenta else [p for p in work.pieces if p.variable == x and not p.reads]
        force = total(p.term for p in pull) if pull else None
        group = [*group, *pull]
        flows.append(OrnsteinUhlenbeck(x, friction, _own_noise(work, x), force))
        noise += work.take_noise([x])
    work.take(group)
    flow = flows[0] if len(flows) == 1 else Joint(tuple(flows))
    preferred = "O" if set(moved) & momenta or not momenta else "E"
    kind = "friction and noise"
    work.drafts.append(Draft(kind, preferred, flow, _updates(group), noise))


# -- shifts --------------------------------------------------------------------------------------


def _take_shifts(work: _Sorted, separate_forces: bool) -> None:
    momenta = momenta_of(work.dynamics, work.positions)
    drifts = [p for p in work.pieces if p.variable in work.positions]
    kicks, rest = [], []
    for piece in work.pieces:
        if piece.variable in work.positions:
            continue
        own = [p for p in work.pieces if p.variable == piece.variable]
        alone = not piece.reads and any(p.reads - work.positions for p in own)
        has_force = any(p.reads and p.reads <= work.positions for p in own)
        is_kick = piece.reads <= work.positions and (has_force or not alone)
        (kicks if is_kick and work.positions else rest).append(piece)
    for group in commuting_groups(drifts):
        _add_shift(work, group, "position drift", "A")
    for group in _by_function(kicks) if separate_forces else [kicks]:
        if group:
            _add_shift(work, group, "kick", "B")
    for group in commuting_groups([p for p in rest if p.variable not in momenta]):
        _add_shift(work, group, "thermostat drift" if work.positions else "shear", "D")
    for group in commuting_groups([p for p in rest if p.variable in momenta]):
        _add_shift(work, group, "shear", "E")


def _by_function(kicks: list[Piece]) -> list[list[Piece]]:
    groups: dict[tuple[str, ...], list[Piece]] = {}
    for piece in kicks:
        groups.setdefault(functions_of([piece.term]), []).append(piece)
    return list(groups.values())


def _add_shift(work: _Sorted, group: list[Piece], kind: str, preferred: str) -> None:
    updates = _updates(group)
    work.drafts.append(Draft(kind, preferred, Shift(updates), updates))


def _updates(pieces: Sequence[Piece]) -> Updates:
    moved = dict.fromkeys(piece.variable for piece in pieces)
    return tuple((x, total(p.term for p in pieces if p.variable == x)) for x in moved)
