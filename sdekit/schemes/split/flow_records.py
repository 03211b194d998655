"""Records of the parts of a splitting and of the flows that move them.

A part is a piece of the triple with a letter; its flow says how it is solved, as data: which
variables move and which expressions are the rates, frictions and noises. Everything a flow reads
but does not move is frozen while it acts. Not for finding the parts
(`sdekit.schemes.split.splitting`) nor for running them (`sdekit.simulation`).

Notation: X a block of the state, h the share of the step; noise is N(0, 2 D dt).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable

Updates = tuple[tuple[Variable, Expression], ...]
Blocks = tuple[tuple[tuple[Variable, Variable], Expression], ...]
Rows = tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True)
class LinearMap:
    """A linear map of a block, the sum of the pieces that are given.

    Attributes:
        scalar: c, acting as x -> c x; as a diffusion, c times the identity.
        elementwise: w, of the shape of x, acting as x -> w * x; as a diffusion, diag(w).
        matrix: M, of shape X.shape + X.shape, acting as x -> M @ x; as a diffusion, M.
    """

    scalar: Expression | None = None
    elementwise: Expression | None = None
    matrix: Expression | None = None

    @property
    def pieces(self) -> tuple[Expression, ...]:
        """The pieces that are given."""
        given = (self.scalar, self.elementwise, self.matrix)
        return tuple(piece for piece in given if piece is not None)

    @property
    def is_zero(self) -> bool:
        """Whether no piece is given."""
        return not self.pieces

    @property
    def is_scalar(self) -> bool:
        """Whether the map is a multiple of the identity (or zero)."""
        return self.elementwise is None and self.matrix is None

    @property
    def is_diagonal(self) -> bool:
        """Whether the map acts entry by entry."""
        return self.matrix is None


@dataclass(frozen=True)
class Shift:
    """x += h * rate; exact, because no rate reads a variable that moves."""

    updates: Updates

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What moves."""
        return tuple(x for x, _ in self.updates)


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    r"""$dX = (force - friction(X))\,dt + N(0, 2\,diffusion\,dt)$, exact; the friction may be <= 0.

    Without friction it is pure noise, without diffusion pure decay.
    """

    variable: Variable
    friction: LinearMap
    diffusion: LinearMap
    force: Expression | None = None

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What moves."""
        return (self.variable,)


@dataclass(frozen=True)
class LinearBlock:
    r"""$dX_i = (\sum_j matrix_{ij}(X_j) + force_i)\,dt + N(0, 2 D\,dt)$ jointly, exact.

    Attributes:
        variables: What moves, in the order of the blocks.
        matrix: Linear maps of the drift (not of a friction) for the pairs that are not zero.
        force: Constant rates.
        diffusion: Linear maps of D, both triangles.
    """

    variables: tuple[Variable, ...]
    matrix: tuple[tuple[tuple[Variable, Variable], LinearMap], ...]
    diffusion: tuple[tuple[tuple[Variable, Variable], LinearMap], ...]
    force: Updates = ()


@dataclass(frozen=True)
class Rotation:
    """dX = matrix @ X dt with an antisymmetric matrix: x <- expm(h matrix) @ x, exact."""

    variable: Variable
    matrix: Expression

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What moves."""
        return (self.variable,)


@dataclass(frozen=True)
class GeometricBrownian:
    r"""$dz_i = rate_i z_i dt + N(0, 2 C_{ij} z_i z_j dt)$, all entries jointly, exact; signs stay.

    $$z_i \leftarrow z_i\,e^{(rate_i - C_{ii})h + \zeta_i}, \qquad \zeta \sim N(0, 2 C h)$$

    Attributes:
        variables: What moves.
        rates: For each of them a linear map, entry by entry.
        noise: The blocks of C, both triangles, free of what moves; a scalar is that multiple of
            the identity.
        is_common: One Brownian motion drives all entries: `noise` is one scalar c, and C_ij = c.

    Source: Ito's formula for log z; Oksendal (2003), example 5.1.1.
    """

    variables: tuple[Variable, ...]
    rates: tuple[LinearMap, ...]
    noise: Blocks
    is_common: bool = False


@dataclass(frozen=True)
class CommutingNoise:
    r"""$dz = A z\,dt + \sum_a E_a z\,dW_a$ with Cov(W_t) = 2 G t, numbers z, exact.

    $$z \leftarrow \exp\big((A - \textstyle\sum_{ab}G_{ab}E_aE_b)h + \sum_a\xi_aE_a\big)z,
      \qquad \xi \sim N(0, 2 G h)$$

    because A and all E_a commute.

    Attributes:
        variables: What moves.
        drift: Rows of the matrix that stands before h.
        generators: Rows of each E_a.
        gram: Rows of G.

    Source: Kloeden and Platen (1992), section 4.8 [recalled].
    """

    variables: tuple[Variable, ...]
    drift: Rows
    generators: tuple[Rows, ...]
    gram: Rows


@dataclass(frozen=True)
class TakenAlong:
    r"""A number y that moves along with x: $y e^{ratio\,\Delta x}$, or $y + ratio\,\Delta x$.

    Attributes:
        variable: y.
        ratio: Free of all variables.
        power: 1 for the exponential, 0 for the sum.
    """

    variable: Variable
    ratio: Expression
    power: int


@dataclass(frozen=True)
class PowerNoise:
    r"""$dx = (pull\,x^{k-1} + rate\,x)\,dt + N(0, 2\,noise\,x^k dt)$, k >= 1 but not 2, exact.

    Entry by entry. $y = x^{2-k}$ is a square-root diffusion, whose steps are scaled noncentral
    chi-square variables: k = 1 is Feller's and the CIR process (never negative, and absorbed at 0
    where pull <= 0), k = 3 the 3/2 model, 1 < k < 2 constant elasticity of variance.

    Attributes:
        variable: x.
        power: k.
        pull: Free of x; None for zero.
        rate: Linear map entry by entry.
        noise: Free of x.
        along: A number whose noise is, in part, that of x; with k = 1 only.

    Source: Feller 1951; Cox, Ingersoll, Ross 1985, eq. (18) [recalled].
    """

    variable: Variable
    power: Fraction
    pull: Expression | None
    rate: LinearMap
    noise: Expression
    along: tuple[TakenAlong, ...] = ()

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What moves."""
        return (self.variable, *(other.variable for other in self.along))


@dataclass(frozen=True)
class IntervalNoise:
    r"""$dx = (pull + rate\,x)\,dt + N(0, 2\,noise\,(x - l)(u - x)\,dt)$ on [l, u], entry by entry.

    Jacobi and Wright-Fisher diffusions. A step has the exact mean and variance and stays inside;
    its law is that of $\sin^2$ of a normal variable, and a Beta law near the ends.
    """

    variable: Variable
    pull: Expression | None
    rate: LinearMap
    noise: Expression
    method: str = "moments"
    order: int = 2
    substeps: int = 1

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What moves."""
        return (self.variable,)


#: Sub-steps of friction and noise without exact flow: their error falls by 64, below a twentieth of
#: what a palindrome of exact letters has by itself, and no potential is evaluated in them.
FRICTION_STEPS = 8
#: Weak order of each way to solve a part that has no exact flow.
INEXACT_METHODS = {
    "rk4": 4, "strang": 2, "euler_maruyama": 1, "tamed_euler": 1, "implicit_euler": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Inexact:
    """A remainder without exact flow, solved by a sub-integrator.

    Attributes:
        updates: Drift of what moves.
        diffusion: Its noise, both triangles.
        method: "rk4", classical Runge-Kutta for a part without noise; "strang", half a step of
            that, the exact Gaussian increment, half a step of that, where D does not read what
            moves; "euler_maruyama" otherwise; "tamed_euler" and "implicit_euler" for whole steps.
        factor: sigma as declared, by variable, where a whole Euler-Maruyama step may draw its noise
            from it (D = sigma sigma^T / 2: the law is the same).
        substeps: Equal steps into which each occurrence of the letter is cut.
    """

    updates: Updates
    diffusion: Blocks
    method: str
    factor: tuple[tuple[Variable, Expression | tuple[Expression, ...]], ...] = ()
    substeps: int = 1

    @property
    def order(self) -> int:
        """Weak order of the sub-integrator."""
        return INEXACT_METHODS[self.method]

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What moves."""
        moved = [x for x, _ in self.updates] + [x for (x, _), _ in self.diffusion]
        return tuple(dict.fromkeys(moved))


@dataclass(frozen=True)
class Joint:
    """Flows of different variables, none of which reads what another moves: they commute."""

    flows: tuple[OrnsteinUhlenbeck | LinearBlock | Rotation, ...]

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What moves."""
        return tuple(x for flow in self.flows for x in flow.variables)


Flow = (
    Shift
    | OrnsteinUhlenbeck
    | LinearBlock
    | Rotation
    | GeometricBrownian
    | CommutingNoise
    | PowerNoise
    | IntervalNoise
    | Inexact
    | Joint
)


@dataclass(frozen=True)
class Part:
    """One letter of a splitting.

    Attributes:
        letter: "A" position drift, "B" kick, "O" friction and noise, "D" thermostat drift,
            "R" rotation, "G" noise that is linear in what moves, "C" noise that vanishes at an
            end; others in the order E, F, H, ...; never "M".
        kind: The same in words.
        updates: Its piece of the drift.
        diffusion: Its piece of the diffusion, both triangles.
        flow: How it is solved.
        reads: Variables it reads but does not move.
        functions: Names of the unknown functions it evaluates: what a step pays for.
        gradient_noise: What a stochastic gradient adds to its diffusion, both triangles: read by
            theory, never drawn by a run.
    """

    letter: str
    kind: str
    updates: Updates
    diffusion: Blocks
    flow: Flow
    reads: tuple[Variable, ...]
    functions: tuple[str, ...]
    gradient_noise: Blocks = ()

    @property
    def exact(self) -> bool:
        """Whether the flow is exact."""
        return not isinstance(self.flow, Inexact | IntervalNoise)

    @property
    def moves(self) -> tuple[Variable, ...]:
        """The variables that change under this part."""
        return self.flow.variables
