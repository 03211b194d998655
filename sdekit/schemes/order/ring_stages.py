"""One step of a scheme as a sequence of stages in a jet ring, for a dynamics at one size.

Not for what follows from it (`sdekit.schemes.order.scheme_order`, `sdekit.schemes.order.density`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree.operators import ZERO
from sdekit.schemes.jet_ring.jets import JetRing, Polynomial
from sdekit.schemes.order.one_step_series import Generator, Stage
from sdekit.schemes.split.factors import Factor, plan, whole_noise
from sdekit.schemes.split.flow_records import Blocks, Part, Updates
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.unroll import Move


@dataclass(frozen=True)
class Step:
    """One step of a scheme, ready for its power series.

    Attributes:
        components: The dynamics at the size in question.
        ring: The differential polynomial ring.
        stages: What acts on the state, in order.
        whole: The generator of the dynamics.
        slopes: Derivatives of H by the coordinates; None without H.
        dual: Names of the dual variables in the ring.
    """

    components: Components
    ring: JetRing
    stages: tuple[Stage, ...]
    whole: Generator
    slopes: tuple[Polynomial, ...] | None
    dual: tuple[str, ...]


def small_sizes(dynamics: Dynamics, sizes: Mapping[str, int]) -> dict[str, int]:
    """Sizes for the calculation: 1 for axes of the state, 2 for others, unless given."""
    axes = {dim for x in dynamics.variables for dim in x.shape}
    return {
        dim.name: sizes.get(dim.name, 1 if dim in axes else 2)
        for dim in dynamics.dimensions
        if dim.size is None
    }


def step_of(
    splitting: Splitting,
    scheme: str,
    sizes: Mapping[str, int],
    degree: int,
    more: Sequence[Expr] = (),
) -> Step:
    """The stages of a scheme, with derivatives for series up to the given power of h.

    Args:
        splitting: Parts of the dynamics.
        scheme: A word or a name (`sdekit.schemes.split.unroll`).
        sizes: A size for each open dimension.
        degree: Highest power of h that will be asked for.
        more: Further formulas that the ring is to know.

    Raises:
        SchemeError: If the scheme does not fit, or a coefficient has no rule in the ring.
    """
    dynamics = splitting.dynamics
    components = dynamics.at(**sizes)
    factors = plan(splitting, scheme)
    parts = [Factor(part.updates, whole_noise(part), Fraction(1)) for part in splitting.parts]
    pieces = {_key(piece): part_components(dynamics, piece, sizes) for piece in (*parts, *factors)}
    slopes = _slopes(components)
    dual = tuple(f"kappa_{i}" for i in range(components.dimension))
    written = [e for piece in pieces.values() for e in (*piece.drift, *piece.diffusion.values())]
    ring = JetRing(components.coordinates, [*written, *slopes, *more], 2 * degree + 2, dual)
    generators = {key: _generator(ring, piece) for key, piece in pieces.items()}
    whole = _sum([generators[_key(part)] for part in parts])
    converted = None
    if components.hamiltonian is not None:
        converted = tuple(ring.convert(slope) for slope in slopes)
    stages = tuple(Stage(generators[_key(f)], f.share, f.frozen) for f in factors)
    return Step(components, ring, stages, whole, converted, dual)


def _slopes(components: Components) -> list[sp.Expr]:
    if components.hamiltonian is None:
        return []
    return [sp.diff(components.hamiltonian, x) for x in components.coordinates]


def _key(piece: Factor) -> tuple[Updates, Blocks]:
    return piece.updates, piece.diffusion


def part_components(
    dynamics: Dynamics, piece: Part | Factor | Move, sizes: Mapping[str, int]
) -> Components:
    """A piece of the dynamics as one of its own, in the coordinates of the whole."""
    rates = dict(piece.updates)
    alone = Dynamics(
        drift={x: rates.get(x, ZERO) for x in dynamics.variables},
        diffusion=dict(piece.diffusion),
    )
    known = {dim.name for dim in alone.dimensions}
    return alone.at(**{name: size for name, size in sizes.items() if name in known})


def _generator(ring: JetRing, components: Components) -> Generator:
    drift = {i: ring.convert(rate) for i, rate in enumerate(components.drift) if rate != 0}
    diffusion = {key: ring.convert(entry) for key, entry in components.diffusion.items()}
    return Generator(ring, drift, diffusion)


def _sum(generators: Sequence[Generator]) -> Generator:
    total = generators[0]
    for generator in generators[1:]:
        total = total.plus(generator)
    return total
