r"""`Dynamics`: stochastic dynamics declared as a triple (v, D, H), frozen and hashable.

Convention, here and everywhere: Ito, dG = v dt + N(0, 2 D dt), rho ~ exp(-H), H = -log density.

Not for deciding anything about the triple (`sdekit.verifier`) nor for running it
(`sdekit.simulation`). Four readings of one declaration exist, none of which knows the others: prove
(`calculus.contraction`), expand (`Dynamics.at`), run (`simulate.lower`), print (`text`, `latex`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sdekit.declaration.model.dynamics_checks import (
    check_assumptions,
    check_interpretation,
    check_symbols,
    facts_about,
    read_assumption,
    read_diffusion,
    read_noise,
    read_variables,
)
from sdekit.declaration.model.noise_factor import (
    diffusion_of_noise,
    full_block,
    ito_drift,
    sum_of_blocks,
)
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation, Comparison, EachRow, spelled_out
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable
from sdekit.errors import DeclarationError

if TYPE_CHECKING:
    from sdekit.declaration.model.components import Components

#: One sentence for every place that prints a triple.
CONVENTION = "Ito, dG = v dt + N(0, 2 D dt), rho ~ exp(-H), H = -log density"
_Change = Callable[[Expression], Expression]


class Dynamics:
    r"""Stochastic dynamics $dz = v(z)\,dt + \mathcal N(0, 2 D(z)\,dt)$ with a claimed law.

    Args:
        drift: v, one entry for each variable; their order is the order of the state. Keys are
            variables (or SymPy symbols, with SymPy expressions as values).
        diffusion: D. A key `p` is the block (p, p), a key `(p, s)` that block and its mirror
            image. A scalar is that multiple of the identity; a full block (X, Y) has shape
            X.shape + Y.shape. Blocks left out are zero.
        noise: Instead of D a factor sigma with D = sigma sigma^T / 2, that is the SDE
            dz = v dt + sigma dW. A value of shape X.shape + (m,) drives X by m Brownian motions of
            its own, a scalar drives every entry by one of its own; a list of scalars, for scalar
            variables, holds the row of sigma over Brownian motions shared by all lists.
        gradient_noise: B, keys and values as in `diffusion`: noise that a stochastic gradient
            brings along, so that a run must not inject it. D is `diffusion` (or that of `noise`)
            plus B: proofs and theory read the sum (`ito`), runs inject the rest (`injected`).
            B = h V / 2 for a gradient with covariance V at step size h.
        hamiltonian: H, the claimed stationary density being exp(-H); None for a plain SDE.
        target: The claimed marginal is exp(-target); H itself when left out.
        interpretation: "ito" or "stratonovich".
        name: Name for reports.
        source: Where the dynamics was published.
        target_variables: The variables of the target; those written in `target` when left out.
        assume: Inequalities between parameters, such as `2*k*m >= s**2`, that every admissible
            choice of them fulfils. They are stated, not used to prove; no counterexample that
            breaks one refutes.

    Raises:
        DeclarationError: If shapes, names or symbols do not fit together.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2).is_scalar
        True
    """

    name: str | None
    source: str | None
    variables: tuple[Variable, ...]
    drift: Mapping[Variable, Expression]
    diffusion: Mapping[tuple[Variable, Variable], Expression]
    noise: Mapping[Variable, Expression | tuple[Expression, ...]] | None
    gradient_noise: Mapping[tuple[Variable, Variable], Expression]
    hamiltonian: Expression | None
    target: Expression | None
    target_variables: tuple[Variable, ...]
    interpretation: str
    assume: tuple[Comparison, ...]

    def __init__(
        self,
        drift: Mapping[Any, Any],
        diffusion: Mapping[Any, Any] | None = None,
        noise: Mapping[Any, Any] | None = None,
        hamiltonian: Any = None,
        target: Any = None,
        *,
        gradient_noise: Mapping[Any, Any] | None = None,
        interpretation: str = "ito",
        name: str | None = None,
        source: str | None = None,
        target_variables: Sequence[Any] | None = None,
        assume: Sequence[Any] = (),
    ) -> None:
        if diffusion is not None and noise is not None:
            raise DeclarationError(
                "both diffusion and noise are given",
                fix="give the diffusion D, or a factor sigma with D = sigma sigma^T / 2",
            )
        reader = read_variables(drift)
        variables = reader.variables
        factors = None if noise is None else read_noise(noise, reader)
        blocks = read_diffusion(diffusion or {}, reader)
        if factors is not None:
            blocks = diffusion_of_noise(factors)
        carried = read_diffusion(gradient_noise or {}, reader, "gradient noise")
        energy = None if hamiltonian is None else reader.scalar(hamiltonian, "hamiltonian")
        goal = None if target is None else reader.scalar(target, "target")
        if goal is not None and energy is None:
            raise DeclarationError(
                "a target is given without a hamiltonian",
                fix="give hamiltonian=H, the claim being that exp(-H) is stationary",
            )
        check_interpretation(interpretation, factors, blocks)
        given = {
            "name": name,
            "source": source,
            "variables": variables,
            "drift": MappingProxyType(
                {x: reader.block(drift_of_x, x) for x, drift_of_x in reader.pairs(drift)}
            ),
            "diffusion": MappingProxyType(blocks),
            "noise": None if factors is None else MappingProxyType(factors),
            "gradient_noise": MappingProxyType(carried),
            "hamiltonian": energy,
            "target": goal,
            "interpretation": interpretation,
            "assume": tuple(read_assumption(fact, reader) for fact in assume),
        }
        for attribute, value in given.items():
            object.__setattr__(self, attribute, value)
        check_symbols((*self.expressions(), *self._assumed(), *self._periods()), variables)
        check_assumptions(self.assume, self.parameters)
        chosen = self._target_variables(target_variables, reader)
        object.__setattr__(self, "target_variables", chosen)

    def _target_variables(self, given: Sequence[Any] | None, reader: Any) -> tuple[Variable, ...]:
        if self.target is None:
            return self.variables
        written = self.target.variables
        if given is not None:
            named = {reader.variable(x) for x in given}
            if not written <= named:
                missing = ", ".join(sorted(x.name for x in written - named))
                raise DeclarationError(
                    f"the target depends on {missing}, which is not among the target variables",
                    fix='give it role = "target"',
                )
            written = named
        if not written:
            raise DeclarationError(
                "the target depends on no variable",
                found=repr(self.target),
                fix="declare the potential on a variable, as U(theta)",
            )
        return tuple(x for x in self.variables if x in written)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Dynamics is frozen; cannot set {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Dynamics is frozen; cannot delete {name}")

    def __reduce__(self) -> tuple[Any, ...]:
        # Mapping proxies cannot be pickled; the text of the model is its own serial form.
        from sdekit.declaration.model.model_file import dynamics_from_toml

        return dynamics_from_toml, (self.to_toml(),)

    def _identity(self) -> tuple[Any, ...]:
        noise = None if self.noise is None else tuple(self.noise.items())
        return (
            self.variables,
            tuple(self.drift[x] for x in self.variables),
            frozenset(self.diffusion.items()),
            noise,
            frozenset(self.gradient_noise.items()),
            self.hamiltonian,
            self.target,
            self.target_variables,
            self.interpretation,
            self.assume,
        )

    def __eq__(self, other: object) -> bool:
        """Equal declarations; name and source are labels and do not count."""
        return isinstance(other, Dynamics) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        names = ", ".join(x.name for x in self.variables)
        return f"<Dynamics {self.name or '(unnamed)'} of {names}>"

    def __str__(self) -> str:
        from sdekit.declaration.text.unicode_text import dynamics_text

        return dynamics_text(self)

    # ------------------------------------------------------------------ what it is made of

    def expressions(self) -> Iterator[Expression]:
        """All expressions of the declaration, as written."""
        yield from self.drift.values()
        yield from self.diffusion.values()
        for factor in (self.noise or {}).values():
            yield from factor if isinstance(factor, tuple) else (factor,)
        yield from self.gradient_noise.values()
        for energy in (self.hamiltonian, self.target):
            if energy is not None:
                yield energy

    @property
    def names(self) -> frozenset[str]:
        """The names of all variables, parameters and functions."""
        symbols = (*self.variables, *self.parameters, *self.functions)
        return frozenset(symbol.name for symbol in symbols)

    def _assumed(self) -> Iterator[Expression]:
        for fact in self.assume:
            yield from (fact.left, fact.right)

    def _symbols(self, kind: type | tuple[type, ...]) -> tuple[Any, ...]:
        found: dict[Any, None] = {}
        for expression in self.expressions():
            for node in expression.walk():
                if isinstance(node, kind):
                    found.setdefault(node)
        return tuple(found)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in order of appearance."""
        nodes = (node for period in self._periods() for node in period.walk())
        of_periods = (node for node in nodes if isinstance(node, Parameter))
        return tuple(dict.fromkeys((*self._symbols(Parameter), *of_periods)))

    def _periods(self) -> Iterator[Expression]:
        yield from (x.domain.period for x in self.variables if x.domain.period is not None)

    @property
    def functions(self) -> tuple[FunctionSymbol, ...]:
        """The unknown functions, in order of appearance."""
        calls = self._symbols((ex.Call, EachRow))
        return tuple(dict.fromkeys(call.function for call in calls))

    @property
    def dimensions(self) -> tuple[Dim, ...]:
        """The dimensions, in order of appearance."""
        found: dict[Dim, None] = {}
        for x in self.variables:
            found.update(dict.fromkeys(x.shape))
        for expression in self.expressions():
            for node in expression.walk():
                found.update(dict.fromkeys(node.shape))
                if isinstance(node, ex.Size):
                    found.setdefault(node.dim)
        return tuple(found)

    @property
    def is_scalar(self) -> bool:
        """Whether the model has scalar blocks only, so that no size is left open."""
        return not self.dimensions

    @property
    def depends_on_time(self) -> bool:
        """Whether a coefficient contains `sk.time`."""
        return bool(self._symbols(ex.Time))

    @property
    def auxiliary_variables(self) -> tuple[Variable, ...]:
        """The variables to be integrated out of exp(-H)."""
        return tuple(x for x in self.variables if x not in self.target_variables)

    def diffusion_block(self, x: Variable, y: Variable) -> Expression | None:
        """The block (x, y) of `diffusion`, of shape x.shape + y.shape; None if it is zero.

        A scalar becomes that multiple of the identity; a block given once is mirrored. Gradient
        noise is apart; the block of the whole D is that of `ito()`.
        """
        return full_block(self.diffusion, x, y)

    def blocks(self) -> Iterator[tuple[tuple[Variable, Variable], Expression]]:
        """All non-zero blocks of the full matrix of `diffusion`, both triangles."""
        for x in self.variables:
            for y in self.variables:
                block = self.diffusion_block(x, y)
                if block is not None:
                    yield (x, y), block

    # ------------------------------------------------------------------ readings

    def ito(self) -> Dynamics:
        r"""The SDE that is claimed to have the law: Ito, with the whole D in `diffusion`.

        $v_i \to v_i + \tfrac12\sum_{jk}\sigma_{jk}\,\partial_j\sigma_{ik}$ for a Stratonovich
        declaration; gradient noise, which comes with each step and is Ito noise, is added to the
        diffusion. A declaration that is so already is returned as it is.
        """
        if self.interpretation == "ito" and not self.gradient_noise:
            return self
        changed: dict[str, Any] = {"interpretation": "ito", "gradient_noise": None}
        if self.interpretation != "ito":
            changed["drift"] = ito_drift(self.drift, self.noise)
        if self.gradient_noise:
            changed["diffusion"] = sum_of_blocks(self.diffusion, self.gradient_noise)
            changed["noise"] = None
        return self.changed(changed)

    def injected(self) -> Dynamics:
        """The dynamics without its gradient noise: what a run draws noise for."""
        if not self.gradient_noise:
            return self
        alone = self.changed({"gradient_noise": None, "assume": ()})
        facts = facts_about(self.assume, alone.parameters)
        return alone.changed({"assume": facts}) if facts else alone

    def spelled_out(self) -> Dynamics:
        """The same dynamics with `max(a, b)`, `where(...)`, ... replaced by what they stand for.

        What proofs read: a kink or a jump is then one of an absolute value, a root or a sign.
        """
        return self.rewritten(spelled_out) if self._symbols(Abbreviation) else self

    def rewritten(self, change: _Change, *, keeps_assumptions: bool = True) -> Dynamics:
        """The dynamics with every expression replaced by an equal one."""

        def row(written: Any) -> Any:
            return tuple(map(change, written)) if isinstance(written, tuple) else change(written)

        mappings = ("drift", "diffusion" if self.noise is None else "noise", "gradient_noise")
        changed: dict[str, Any] = {
            name: {key: row(value) for key, value in getattr(self, name).items()}
            for name in mappings
        }
        for name in ("hamiltonian", "target"):
            energy = getattr(self, name)
            changed[name] = None if energy is None else change(energy)
        return self.changed(changed if keeps_assumptions else {**changed, "assume": ()})

    def changed(self, changed: Mapping[str, Any]) -> Dynamics:
        """The declaration with other values for some of its arguments."""
        own = {
            "drift": self.drift,
            "diffusion": None if self.noise is not None else self.diffusion,
            "noise": self.noise,
            "gradient_noise": self.gradient_noise,
            "hamiltonian": self.hamiltonian,
            "target": self.target,
            "interpretation": self.interpretation,
            "name": self.name,
            "source": self.source,
            "target_variables": None if self.target is None else self.target_variables,
            "assume": self.assume,
        }
        return Dynamics(**{**own, **changed})

    def at(self, **sizes: int) -> Components:
        """The components at given sizes, as SymPy expressions: `dynamics.at(n=3)`.

        Raises:
            DeclarationError: If a size is missing, unknown or no positive integer.
        """
        from sdekit.declaration.model.components import components_at

        return components_at(self, sizes)

    def to_toml(self) -> str:
        """The model as the text of a model file; `sdekit.load` gives an equal object back."""
        from sdekit.declaration.model.model_file import to_toml

        return to_toml(self)

    def latex(self) -> str:
        """The triple as LaTeX, in vector notation as written."""
        from sdekit.declaration.text.latex import dynamics_latex

        return dynamics_latex(self)

    def _repr_latex_(self) -> str:
        return f"$$\\displaystyle {self.latex()}$$"
