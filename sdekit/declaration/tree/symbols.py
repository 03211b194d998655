"""The symbols of a model: variables with their domains, parameters, unknown functions.

Not for their use in formulas (`expression`, `operators`) nor for the model itself (`dynamics`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sdekit.declaration.tree.declared import (
    PROPERTIES,
    check_properties,
    implied_assumptions,
    require_square,
)
from sdekit.declaration.tree.dimension import Dim, as_dims
from sdekit.declaration.tree.domains import REAL, TWO_PI, Domain, exact_end, rational_bounds
from sdekit.declaration.tree.expression import (
    Call,
    Expression,
    Number,
    Product,
    Quotient,
    Shape,
    Sum,
    Time,
)
from sdekit.declaration.tree.names import check_name
from sdekit.errors import DeclarationError, ModelFileError


@dataclass(frozen=True, eq=False, repr=False)
class Variable(Expression):
    """A block of the state: scalar, vector, matrix or tensor of any rank."""

    name: str
    dims: Shape = ()
    symmetry: str | None = None
    domain: Domain = REAL
    _moves = True

    def __post_init__(self) -> None:
        check_name(self.name, "variable")
        if self.symmetry is not None:
            if self.symmetry not in ("symmetric", "antisymmetric"):
                raise DeclarationError(
                    f"variable {self.name} has an unknown symmetry",
                    expected="symmetric or antisymmetric",
                    found=repr(self.symmetry),
                )
            require_square(self.name, self.dims, self.symmetry)
        if self.domain.is_joint:
            object.__setattr__(self, "symmetry", self.domain.symmetry_of(self))
        super().__post_init__()

    def _shape(self) -> Shape:
        return self.dims


@dataclass(frozen=True, eq=False, repr=False)
class Parameter(Expression):
    """A constant of the model: a symbol with assumptions, or with a fixed exact value."""

    name: str
    dims: Shape = ()
    assumptions: frozenset[str] = frozenset()
    value: Fraction | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "parameter")
        checked = implied_assumptions(self.name, self.dims, self.assumptions)
        object.__setattr__(self, "assumptions", checked)
        if self.value is not None:
            self._check_value()
        super().__post_init__()

    def _check_value(self) -> None:
        if self.dims:
            raise DeclarationError(
                f"parameter {self.name} is no scalar and cannot carry a value in the declaration",
                fix="give its array when the model is run",
            )
        assert self.value is not None
        if ("positive" in self.assumptions and self.value <= 0) or (
            "nonnegative" in self.assumptions and self.value < 0
        ):
            raise DeclarationError(
                f"the value of parameter {self.name} contradicts its assumptions",
                expected=", ".join(sorted(self.assumptions)),
                found=self.value,
            )

    def _shape(self) -> Shape:
        return self.dims


@dataclass(frozen=True)
class FunctionSymbol:
    """An unknown smooth function of blocks of the state; its argument names are formal."""

    name: str
    arguments: tuple[Variable, ...]
    shape: Shape = ()
    assumptions: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        check_name(self.name, "function")
        if not self.arguments:
            raise DeclarationError(
                f"function {self.name} has no arguments",
                fix="declare a constant as a parameter instead",
            )
        declared = self.assumptions & set(PROPERTIES)
        checked = implied_assumptions(self.name, self.shape, self.assumptions - declared)
        check_properties(self.name, self.shape, declared)
        object.__setattr__(self, "assumptions", checked | declared)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the formal arguments."""
        return tuple(argument.name for argument in self.arguments)


def as_domain(domain: Any, parameters: Mapping[str, Any] | None = None) -> Domain:
    """Read a domain: a `Domain`, a kind, a pair of exact ends, or {"circle": L} of period L.

    A period written as text may hold the parameters given.

    Raises:
        DeclarationError: If it is none of these.
    """
    if isinstance(domain, Domain):
        return domain
    if isinstance(domain, str):
        if domain == "interval":
            raise DeclarationError("an interval needs its two ends", fix='domain=("0", "1")')
        return Domain(domain)
    if isinstance(domain, (tuple, list)) and len(domain) == 2:
        lower, upper = (exact_end(_read(end, {})) for end in domain)
        return Domain("interval", lower, upper)
    if isinstance(domain, Mapping) and set(domain) == {"circle"}:
        return Domain("circle", period=_period(domain["circle"], parameters or {}))
    raise DeclarationError(
        "unknown domain of a variable",
        expected='"real", "positive", "circle", {"circle": L}, two ends, or one of a whole block',
        found=repr(domain),
        fix='write domain="positive", or exact ends as text: domain=("0", "1")',
    )


def _read(value: Any, symbols: Mapping[str, Any]) -> Expression:
    from sdekit.declaration.text.parser import parse_expression
    from sdekit.declaration.tree.operators import as_expression

    if not isinstance(value, str):
        return as_expression(value)
    try:
        return parse_expression(value, symbols)
    except ModelFileError as error:
        raise DeclarationError(
            f"a domain holds no exact number: {error.what}", found=repr(value)[:60]
        ) from None


def _period(value: Any, symbols: Mapping[str, Any]) -> Expression | None:
    """The period of a circle; None for 2 pi."""
    expression = _read(value, symbols)
    bounds = rational_bounds(expression)
    if not (_is_positive(expression) if bounds is None else bounds[0] > 0):
        raise DeclarationError(
            "the period of a circle is not seen to be positive",
            expected="a positive exact number, or one built from positive parameters",
            found=repr(value)[:60],
        )
    return None if expression == TWO_PI else expression


def _is_positive(node: Expression) -> bool:
    """Whether a scalar is built from positive parameters and numbers without subtraction."""
    match node:
        case Parameter():
            return "positive" in node.assumptions and not node.shape
        case Product() | Quotient() | Sum():
            return all(map(_is_positive, node.children))
    bounds = rational_bounds(node)
    return bounds is not None and bounds[0] > 0


def exact_number(value: Any) -> Fraction:
    """An exact rational from an integer, a Fraction, a SymPy Rational or text such as "1/2".

    Raises:
        DeclarationError: If the value is a float or no number.
    """
    from sdekit.declaration.tree.operators import as_expression, parse_number

    if isinstance(value, str):
        return parse_number(value)
    expression = as_expression(value)
    if not isinstance(expression, Number):
        raise DeclarationError("expected an exact number", found=repr(value))
    return expression.value


def scalar(name: str, *, domain: Any = "real") -> Variable:
    """A scalar variable.

    Args:
        name: Identifier.
        domain: "real", "positive", "circle" (period 2 pi), {"circle": L}, or a pair of exact ends.

    Example:
        >>> scalar("xi").shape
        ()
    """
    return Variable(name, (), None, as_domain(domain))


def vector(name: str, n: Dim | int, *, domain: Any = "real") -> Variable:
    """A vector variable of n entries, each on the domain, or together "simplex" or "ordered".

    Args:
        name: Identifier.
        n: The size, `sk.dim("n")` or an integer.
        domain: "real", "positive", "circle", an interval; "simplex" or "ordered" for all entries.
    """
    return Variable(name, as_dims((n,), "vector", name), None, as_domain(domain))


def matrix(
    name: str,
    n: Dim | int,
    m: Dim | int | None = None,
    *,
    symmetric: bool = False,
    antisymmetric: bool = False,
    domain: Any = "real",
) -> Variable:
    """A matrix variable, n x n or n x m; a symmetric one has n (n + 1) / 2 coordinates.

    The derivative by a symmetric variable is the projected one,
    $\\partial X_{ij}/\\partial X_{kl} = (\\delta_{ik}\\delta_{jl}+\\delta_{il}\\delta_{jk})/2$.

    Args:
        name: Identifier.
        n: Number of rows.
        m: Number of columns; n when left out.
        symmetric: X = X^T.
        antisymmetric: X = -X^T.
        domain: Of each entry; or "positive_definite" of a symmetric one.
    """
    symmetry = "symmetric" if symmetric else "antisymmetric" if antisymmetric else None
    dims = as_dims((n, n if m is None else m), "matrix", name)
    return Variable(name, dims, symmetry, as_domain(domain))


def variable(name: str, *dims: Dim | int, domain: Any = "real") -> Variable:
    """A variable of any rank, with one axis for each size given.

    Args:
        name: Identifier.
        *dims: One size for each axis; none for a scalar.
        domain: Of each entry.
    """
    return Variable(name, as_dims(dims, "variable", name), None, as_domain(domain))


#: The formal argument for which the time stands.
TIME_ARGUMENT = Variable("t_now")


def _flags(**assumptions: bool) -> frozenset[str]:
    return frozenset(name for name, assumed in assumptions.items() if assumed)


def parameter(
    name: str,
    *dims: Dim | int,
    positive: bool = False,
    nonnegative: bool = False,
    symmetric: bool = False,
    antisymmetric: bool = False,
    positive_definite: bool = False,
    positive_semidefinite: bool = False,
    value: Any = None,
) -> Parameter:
    """A constant of the model: scalar, vector, matrix or tensor.

    Args:
        name: Identifier.
        *dims: One size for each axis; none for a scalar.
        positive: Every entry of a scalar or vector is > 0.
        nonnegative: Every entry of a scalar or vector is >= 0.
        symmetric: A symmetric matrix.
        antisymmetric: An antisymmetric matrix.
        positive_definite: A symmetric positive definite matrix.
        positive_semidefinite: A symmetric positive semidefinite matrix.
        value: An exact value, which fixes a scalar once and for all.

    Raises:
        DeclarationError: If assumptions and shape, or assumptions and value, contradict.
    """
    assumptions = _flags(
        positive=positive,
        nonnegative=nonnegative,
        symmetric=symmetric,
        antisymmetric=antisymmetric,
        positive_definite=positive_definite,
        positive_semidefinite=positive_semidefinite,
    )
    exact = None if value is None else exact_number(value)
    return Parameter(name, as_dims(dims, "parameter", name), assumptions, exact)


def function(
    name: str,
    *arguments: Variable | Time,
    shape: Sequence[Dim | int] = (),
    positive: bool = False,
    nonnegative: bool = False,
    symmetric: bool = False,
    antisymmetric: bool = False,
    positive_definite: bool = False,
    positive_semidefinite: bool = False,
    convex: bool = False,
    even: bool = False,
    bounded: bool = False,
    lipschitz: bool = False,
    coercive: bool = False,
) -> Call:
    """An unknown smooth function of the given variables and of `sk.time`, at these.

    Calling the result again puts other arguments in, as `S(xi + 1)`.

    Args:
        name: Identifier.
        *arguments: Variables, or `sk.time`.
        shape: Sizes of its value; none for a scalar.
        positive, nonnegative: As of a parameter, at all arguments.
        symmetric, antisymmetric: As of a parameter, at all arguments.
        positive_definite, positive_semidefinite: As of a parameter, at all arguments.
        convex, even, bounded, lipschitz, coercive: As of a potential.

    Example:
        >>> n = Dim("n")
        >>> theta = vector("theta", n)
        >>> function("G", theta, shape=(n, n), positive_definite=True)
        G(theta)
    """
    for argument in arguments:
        if not isinstance(argument, (Variable, Time)):
            raise DeclarationError(
                f"function {name} is declared on something that is no variable",
                expected="variables from sk.vector, sk.scalar, ..., or sk.time",
                found=repr(argument),
                fix=f"declare {name} on variables and sk.time, then call it: {name}(...)",
            )
    formal = tuple(TIME_ARGUMENT if isinstance(a, Time) else a for a in arguments)
    if len(set(formal)) != len(formal):
        raise DeclarationError(f"function {name} lists one argument twice", found=arguments)
    assumptions = _flags(
        positive=positive,
        nonnegative=nonnegative,
        symmetric=symmetric,
        antisymmetric=antisymmetric,
        positive_definite=positive_definite,
        positive_semidefinite=positive_semidefinite,
        convex=convex,
        even=even,
        bounded=bounded,
        lipschitz=lipschitz,
        coercive=coercive,
    )
    dims = as_dims(tuple(shape), "function", name)
    return Call(FunctionSymbol(name, formal, dims, assumptions), arguments)


def potential(name: str, *arguments: Variable | Time, **properties: Any) -> Call:
    """An unknown smooth scalar function, such as U(theta) of a target exp(-U).

    Args:
        name: Identifier.
        *arguments: The variables it is declared on.
        **properties: What is declared of it: positive, nonnegative, convex, even, bounded,
            lipschitz (the function itself), coercive (it tends to infinity).
    """
    known = ("positive", "nonnegative", *PROPERTIES)
    for word in properties:
        if word not in known:
            raise DeclarationError(
                f"unknown property of potential {name}",
                expected=f"some of {', '.join(known)}",
                found=repr(word),
            )
    return function(name, *arguments, **properties)
