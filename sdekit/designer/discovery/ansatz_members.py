r"""All dynamics of a shape: an ansatz with unknown coefficients, solved once, and its members.

Positions theta move by $\theta' = p$; every other block has a drift of all products that rotations
of n coordinates allow, of degree 1 among vectors and 2 with scalars, and constant noise. The
designer's solution holds all members for which exp(-H) is stationary; each is a choice of free
coefficients that do not vanish. Not for ranking them (`promise`).

Notation: g the gradient of U; p, s1, s2 vectors like theta; xi1, xi2 scalars.
Checked by: tests/designer/discovery/test_discover.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sdekit.calculus.expansion.rewriting import substituted
from sdekit.declaration.functions.grammar import dot, eye, grad
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.abbreviations import Comparison
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Parameter, Variable, parameter, potential, variable
from sdekit.designer.ansatz import design
from sdekit.designer.raising import readable, sum_of
from sdekit.errors import UndecidedError

#: Members of the catalogue, by their couplings; a centre of a thermostat is not told apart.
_PUBLISHED = {
    frozenset({"D_p"}): "langevin",
    frozenset({"D_s1", "c_s1_p"}): "gle",
    frozenset({"D_xi1", "c_xi1_p_p"}): "nose-hoover-langevin",
    frozenset({"D_p", "c_xi1_p_p"}): "sgnht",
}


@dataclass(frozen=True)
class Coupling:
    """An unknown coefficient: of a product in the drift of a block, or of the noise of blocks."""

    symbol: Parameter
    blocks: tuple[str, ...]
    is_noise: bool
    of_scalar: bool

    @property
    def is_linear(self) -> bool:
        """Whether it couples vectors alone."""
        return not any(block.startswith("xi") for block in self.blocks)

    def renamed(self, names: Mapping[str, str]) -> tuple[bool, bool, tuple[str, ...]]:
        """What it couples under other names of the blocks, sides not told apart."""
        blocks = tuple(sorted(names.get(block, block) for block in self.blocks))
        return self.is_noise, self.of_scalar, blocks


@dataclass(frozen=True)
class Ansatz:
    """The solved ansatz.

    Attributes:
        theta: Positions.
        vectors: p, s1, ...
        scalars: xi1, ...
        energy: H.
        target: U.
        drift: Of each block but theta, pairs of a value in the free coefficients and a product.
        noise: Values of D by pairs of blocks.
        free: What may take any value.
    """

    theta: Variable
    vectors: tuple[Variable, ...]
    scalars: tuple[Variable, ...]
    target: Expression
    drift: Mapping[Variable, Sequence[tuple[Expression, Expression]]] = field(repr=False)
    noise: Mapping[tuple[Variable, Variable], Expression] = field(repr=False)
    free: tuple[Coupling, ...] = field(repr=False)

    def energy(self, blocks: Sequence[Variable]) -> Expression:
        """H with these auxiliary blocks, of unit variance."""
        return sum_of([self.target, *(dot(a, a) / 2 if a.shape else a**2 / 2 for a in blocks)])

    def supports(self, most: int) -> Iterator[tuple[Coupling, ...]]:
        """Choices of at most so many couplings, once up to the names of like blocks."""
        seen = set()
        exchanges = _renamings(self.vectors[1:], self.scalars)
        for size in range(1, most + 1):
            for support in itertools.combinations(self.free, size):
                if not _hangs_together(support):
                    continue
                forms = [frozenset(c.renamed(names) for c in support) for names in exchanges]
                if seen.isdisjoint(forms):
                    seen.add(forms[0])
                    yield support

    def member(self, support: Sequence[Coupling]) -> Dynamics:
        """The dynamics whose other couplings vanish, without blocks that stand for themselves."""
        touched = {name for c in support for name in c.blocks}
        blocks = [x for x in (*self.vectors, *self.scalars) if x.name in touched | {"p"}]
        images: dict[Expression, Expression] = {c.symbol: ZERO for c in self.free}
        images |= {c.symbol: _signed(c) for c in support}

        def value(expression: Expression) -> Expression:
            return readable(substituted(expression, images))

        drift: dict[Variable, Expression] = {self.theta: self.vectors[0]}
        for x in blocks:
            terms = ((value(weight), term) for weight, term in self.drift[x])
            drift[x] = sum_of(weight * term for weight, term in terms if weight != ZERO)
        noise = {}
        for (x, y), entry in self.noise.items():
            found = value(entry)
            if x in blocks and y in blocks and found != ZERO:
                noise[x if x == y else (x, y)] = found * eye(x.shape[0]) if x.shape else found
        return Dynamics(
            drift,
            noise,
            hamiltonian=self.energy(blocks),
            target=self.target,
            assume=_determinants(support),
        )


def solved_ansatz(vectors: int, scalars: int) -> Ansatz:
    """The ansatz of so many auxiliary blocks with the designer's solution.

    Raises:
        UndecidedError: If the designer finds more or less than one family.
    """
    n = Dim("n")
    theta = variable("theta", n)
    U = potential("U", theta)
    names = ["p", *(f"s{k}" for k in range(1, vectors))]
    a = tuple(variable(name, n) for name in names)
    xi = tuple(variable(f"xi{k}") for k in range(1, scalars + 1))
    unknowns: list[Coupling] = []

    def unknown(*blocks: str, is_noise: bool = False) -> Parameter:
        symbol = parameter("_".join(["D" if is_noise else "c", *blocks]))
        of_scalar = blocks[0] in {x.name for x in xi}
        unknowns.append(Coupling(symbol, tuple(b for b in blocks if b != "1"), is_noise, of_scalar))
        return symbol

    drift = {
        x: [(unknown(x.name, *told), term) for told, term in _products(x, a, xi, grad(U, theta))]
        for x in (*a, *xi)
    }
    noise: dict[tuple[Variable, Variable], Expression] = {(x, x): ZERO for x in (*a, *xi)}
    noise |= dict.fromkeys(itertools.combinations(a, 2), ZERO)
    noise = {pair: unknown(*dict.fromkeys(x.name for x in pair), is_noise=True) for pair in noise}
    start = Ansatz(theta, a, xi, U, drift, noise, tuple(unknowns))
    posed = Dynamics(
        {theta: a[0]} | {x: sum_of(c * term for c, term in drift[x]) for x in drift},
        {x if x == y else (x, y): c * eye(n) if x.shape else c for (x, y), c in noise.items()},
        hamiltonian=start.energy((*a, *xi)),
        target=U,
    )
    found = design(posed, [c.symbol for c in unknowns])
    if len(found) != 1:
        raise UndecidedError(
            "the designer does not solve this ansatz", expected="one family", found=len(found)
        )
    # The family is proved for one choice of signs; members choose their own.
    told = {c.symbol.name: c.symbol for c in unknowns}
    nodes = (node for value in found[0].values.values() for node in value.walk())
    plain: dict[Expression, Expression] = {
        node: told[node.name] for node in nodes if isinstance(node, Parameter) and node.name in told
    }
    values: dict[Expression, Expression] = {
        told[name]: substituted(value, plain) for name, value in found[0].values.items()
    }
    free = tuple(c for c in unknowns if c.symbol.name in found[0].free)
    return Ansatz(
        theta, a, xi, U,
        {x: [(values.get(c, c), term) for c, term in drift[x]] for x in drift},
        {pair: values.get(c, c) for pair, c in noise.items()},
        free,
    )  # fmt: skip


def published(support: Sequence[Coupling]) -> str:
    """The catalogue entry that has these couplings; empty where none has."""
    names = frozenset(c.symbol.name for c in support)
    touched = {block for c in support for block in c.blocks}
    is_memory = "p" not in {c.blocks[0] for c in support if c.is_noise} and "s2" in touched
    if is_memory and all(c.is_linear for c in support):
        return "gle-memory"
    return _PUBLISHED.get(names, "")


def _products(
    x: Variable, a: Sequence[Variable], xi: Sequence[Variable], g: Expression
) -> Iterator[tuple[tuple[str, ...], Expression]]:
    """Names and products that the drift of a block may hold."""
    vectors = [("g", g), *((b.name, b) for b in a)]
    if x.shape:
        for name, b in vectors:
            # Rotations of s1, s2, ... among each other leave H alone: p feels s1 only.
            if x != a[0] or name not in {b.name for b in a[2:]}:
                yield (name,), b
            for y in xi:
                yield (y.name, name), y * b
        return
    yield ("1",), ONE
    for y in xi:
        yield (y.name,), y
    for (one, b), (two, c) in itertools.combinations_with_replacement(vectors, 2):
        if (one, two) != ("g", "g"):
            yield (one, two), dot(b, c)


def _renamings(memory: Sequence[Variable], scalars: Sequence[Variable]) -> list[dict[str, str]]:
    """Exchanges of blocks of like shape that play like parts."""
    pairs = itertools.product(
        itertools.permutations([x.name for x in memory]),
        itertools.permutations([x.name for x in scalars]),
    )
    names = [x.name for x in (*memory, *scalars)]
    return [dict(zip(names, (*s, *xi), strict=True)) for s, xi in pairs]


def _hangs_together(support: Sequence[Coupling]) -> bool:
    """Whether noise enters, at most two blocks share it, and every block reaches p."""
    noisy = {c.blocks for c in support if c.is_noise and len(c.blocks) == 1}
    crossed = [c.blocks for c in support if c.is_noise and len(c.blocks) > 1]
    if not noisy or len(crossed) > 1 or not all({(a,), (b,)} <= noisy for a, b in crossed):
        return False
    reached, old = {"p"}, set[str]()
    while reached != old:
        old = set(reached)
        for c in support:
            linked = {b for b in c.blocks if b != "g"} | ({"p"} if "g" in c.blocks else set())
            reached |= linked if linked & reached else set()
    return {b for c in support for b in c.blocks if b != "g"} <= reached


def _signed(coupling: Coupling) -> Parameter:
    """The coefficient with the sign that a noise of one block must have."""
    is_square = coupling.is_noise and len(coupling.blocks) == 1
    return parameter(coupling.symbol.name, positive=True) if is_square else coupling.symbol


def _determinants(support: Sequence[Coupling]) -> list[Comparison]:
    """What makes D positive definite where the noises of two blocks are correlated."""
    known = {c.blocks: _signed(c) for c in support if c.is_noise}
    pairs = (blocks for blocks in known if len(blocks) > 1)
    return [known[(a,)] * known[(b,)] - known[a, b] ** 2 > 0 for a, b in pairs]
