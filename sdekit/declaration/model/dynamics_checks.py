"""Reading what a user hands to `Dynamics`: variables, blocks and noise, with every shape checked.

Not for the triple itself (`dynamics`); a checked declaration never comes back here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import RELATIONS, Comparison, EachRow
from sdekit.declaration.tree.declared import shape_text
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ZERO, as_expression
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import DeclarationError

Blocks = dict[tuple[Variable, Variable], Expression]
Factors = dict[Variable, Expression | tuple[Expression, ...]]


def is_sympy(value: object) -> bool:
    """Whether the value belongs to SymPy, told without importing it."""
    # Undefined functions of SymPy are classes made at run time: only their bases name the package.
    return any(str(base.__module__).partition(".")[0] == "sympy" for base in type(value).__mro__)


@dataclass(frozen=True)
class Reader:
    """Turns keys into variables and values into expressions, SymPy's own included."""

    variables: tuple[Variable, ...]
    #: SymPy symbols of the state, for a declaration in plain SymPy.
    symbols: Mapping[Any, Variable]

    def variable(self, key: Any) -> Variable:
        """The variable of the state that a key names.

        Raises:
            DeclarationError: If it is not one of the state.
        """
        found = key if isinstance(key, Variable) else self.symbols.get(key)
        if found is None or found not in self.variables:
            names = ", ".join(x.name for x in self.variables)
            raise DeclarationError(
                f"{key!r} has no drift, so it is no variable of the state",
                expected=f"one of {names}",
                fix="give every variable an entry in drift, 0 where it does not drift",
            )
        return found

    def expression(self, value: Any) -> Expression:
        """The value as an expression of this state."""
        if is_sympy(value):
            from sdekit.declaration.text.sympy_reader import from_sympy

            return from_sympy(value, self.symbols)
        return as_expression(value)

    def scalar(self, value: Any, what: str) -> Expression:
        """The value as a scalar expression."""
        expression = self.expression(value)
        return check_expression(expression, (), f"the {what}")

    def block(self, value: Any, x: Variable) -> Expression:
        """The value as drift of x; the number 0 stands for zero of every shape."""
        expression = self.expression(value)
        if expression == ZERO:
            return expression
        return check_expression(expression, x.shape, f"the drift of {x.name}")

    def pairs(self, mapping: Mapping[Any, Any]) -> Iterator[tuple[Variable, Any]]:
        """The items of a mapping whose keys are variables."""
        for key, value in mapping.items():
            yield self.variable(key), value


def check_expression(expression: Expression, shape: ex.Shape, what: str) -> Expression:
    """The expression, if it has the shape.

    Raises:
        DeclarationError: If it has another one.
    """
    if expression.shape != shape:
        sizes = ", ".join(dim.name for dim in shape)
        raise DeclarationError(
            f"{what} has the wrong shape",
            expected=shape_text(shape),
            found=f"{shape_text(expression.shape)} in {expression!r}",
            fix=f"multiply a scalar by ones({sizes})" if shape and not expression.shape else None,
        )
    return expression


def read_variables(drift: Mapping[Any, Any]) -> Reader:
    """The state: the keys of the drift, in order.

    Raises:
        DeclarationError: If there are none, or a key is no variable.
    """
    if not isinstance(drift, Mapping) or not drift:
        raise DeclarationError(
            "the drift is no mapping from variables to expressions",
            expected="drift={theta: p, p: ...}",
            found=repr(drift)[:80],
            fix="name each variable with its drift, also where there is only one: {x: -x}",
        )
    variables: list[Variable] = []
    symbols: dict[Any, Variable] = {}
    for key in drift:
        if isinstance(key, Variable):
            variables.append(key)
        elif is_sympy(key) and getattr(key, "is_Symbol", False):
            from sdekit.declaration.text.sympy_reader import variable_of

            symbols[key] = variable_of(key)
            variables.append(symbols[key])
        else:
            raise DeclarationError(
                "a key of the drift is no variable",
                expected="variables from sk.scalar, sk.vector, sk.matrix, or SymPy symbols",
                found=repr(key)[:80],
                fix="use the variable itself as the key, without quotes: {x: ...}",
            )
    return Reader(tuple(variables), symbols)


def read_diffusion(diffusion: Mapping[Any, Any], reader: Reader, what: str = "diffusion") -> Blocks:
    """The blocks of D, or of the part of it that `what` names, as given.

    Raises:
        DeclarationError: If a key is no block of the state, or a block has the wrong shape.
    """
    if not isinstance(diffusion, Mapping):
        raise DeclarationError(
            f"the {what} is no mapping from blocks to expressions",
            expected=f"{what.replace(' ', '_')}={{p: A * eye(n)}}",
            found=repr(diffusion)[:80],
        )
    blocks: Blocks = {}
    for key, value in diffusion.items():
        pair = key if isinstance(key, tuple) else (key, key)
        if len(pair) != 2:
            raise DeclarationError(f"a key of the {what} is no pair of variables", found=key)
        x, y = reader.variable(pair[0]), reader.variable(pair[1])
        if (x, y) in blocks:
            raise DeclarationError(
                f"the {what} block ({x.name}, {y.name}) is given twice",
                expected="each block once",
                fix=f"keep one of the entries for {x.name}, {y.name}",
            )
        block = reader.expression(value)
        if block.shape or x.shape != y.shape:
            check_expression(block, x.shape + y.shape, f"the {what} block ({x.name}, {y.name})")
        blocks[x, y] = block
    return blocks


def read_noise(noise: Mapping[Any, Any], reader: Reader) -> Factors:
    """The rows of the noise factor sigma.

    Raises:
        DeclarationError: If a row has the wrong shape, or lists differ in length.
    """
    if not isinstance(noise, Mapping):
        raise DeclarationError(
            "the noise is no mapping from variables to factors",
            expected="noise={x: sigma}, or a list of factors for each variable",
            found=repr(noise)[:80], fix="name the variable that the noise drives: {x: 1}",
        )  # fmt: skip
    factors: Factors = {}
    for x, value in reader.pairs(noise):
        if isinstance(value, (list, tuple)):
            if x.shape:
                raise DeclarationError(
                    f"the noise of {x.name} is a list, but {x.name} is no scalar",
                    fix=f"give one factor of shape {shape_text(x.shape)} + (m,)",
                )
            factors[x] = tuple(reader.scalar(entry, f"noise of {x.name}") for entry in value)
            continue
        factor = reader.expression(value)
        if factor.shape and (
            factor.ndim != x.ndim + 1 or factor.shape[: x.ndim] != x.shape or x.symmetry
        ):
            raise DeclarationError(
                f"the noise factor of {x.name} has the wrong shape",
                expected=f"a scalar, or {shape_text(x.shape)} followed by one axis of noises",
                found=shape_text(factor.shape),
            )
        factors[x] = factor
    lengths = {len(row) for row in factors.values() if isinstance(row, tuple)}
    if len(lengths) > 1:
        raise DeclarationError(
            "the lists of noise factors differ in length",
            expected="one entry for each shared Brownian motion",
            found=sorted(lengths),
        )
    return factors


def read_assumption(fact: Any, reader: Reader) -> Comparison:
    """An inequality between two scalars.

    Raises:
        DeclarationError: If it is none.
    """
    relation = getattr(fact, "rel_op", None)
    if is_sympy(fact) and relation in RELATIONS:
        return Comparison(reader.expression(fact.lhs), relation, reader.expression(fact.rhs))
    if not isinstance(fact, Comparison):
        raise DeclarationError(
            "an assumption is no inequality",
            expected="assume=[2*k*m >= s**2]",
            found=repr(fact)[:80],
        )
    for side in (fact.left, fact.right):
        check_expression(side, (), "a side of an assumption")
    return fact


def check_assumptions(facts: Iterable[Comparison], parameters: tuple[Parameter, ...]) -> None:
    """Assumptions are about parameters of the model, and no visible contradiction.

    Raises:
        DeclarationError: If not.
    """
    for fact in facts:
        nodes = [*fact.left.walk(), *fact.right.walk()]
        for node in nodes:
            if isinstance(node, (Variable, ex.Call, EachRow, ex.Time)):
                raise DeclarationError(
                    f"the assumption {fact!r} is not about parameters alone", found=repr(node)
                )
            if isinstance(node, Parameter) and node not in parameters:
                raise DeclarationError(
                    f"the assumption {fact!r} names {node.name}, which the model does not use",
                    expected=f"parameters among {', '.join(p.name for p in parameters)}",
                )
        left, right = fact.left, fact.right
        if isinstance(left, ex.Number) and isinstance(right, ex.Number):
            raise DeclarationError(
                f"the assumption {fact!r} is between two numbers",
                expected="an inequality that names a parameter",
                fix="leave it out",
            )


def facts_about(
    facts: Iterable[Comparison], parameters: tuple[Parameter, ...]
) -> tuple[Comparison, ...]:
    """The assumptions that name none but these parameters."""
    return tuple(
        fact
        for fact in facts
        if not any(
            isinstance(node, Parameter) and node not in parameters
            for side in (fact.left, fact.right)
            for node in side.walk()
        )
    )


def check_interpretation(interpretation: str, factors: Factors | None, blocks: Blocks) -> None:
    """A Stratonovich SDE needs the factor sigma wherever D depends on the state.

    Raises:
        DeclarationError: If it is missing, or the interpretation has no known name.
    """
    if interpretation not in ("ito", "stratonovich"):
        raise DeclarationError(
            "unknown interpretation",
            expected='"ito" or "stratonovich"',
            found=repr(interpretation),
            fix='write interpretation="stratonovich"',
        )
    if interpretation == "ito" or factors is not None:
        return
    for (x, y), block in blocks.items():
        if block.variables:
            raise DeclarationError(
                f"a Stratonovich SDE whose diffusion block ({x.name}, {y.name}) depends on the "
                "state is not determined by D",
                fix="give the factor sigma as noise=..., with D = sigma sigma^T / 2",
            )


def require_free_entries(variables: Iterable[Variable], what: str) -> None:
    """Refuse blocks whose entries do not move freely.

    Args:
        variables: Of a model.
        what: What cannot be done with it, as a phrase.

    Raises:
        DeclarationError: If a block lives on the simplex, in order, or among definite matrices.
    """
    for x in variables:
        if x.domain.is_joint:
            kind = x.domain.kind.replace("_", " ")
            raise DeclarationError(
                f"{what} a block on a domain of its own: {x.name} ({kind})",
                expected="entries that move freely, on lines, half-lines, intervals or circles",
                fix="write the model in free coordinates: shares w_i = b_i (1 - b_1)..., gaps "
                "x_2 = x_1 + g_1, or X = L L^T, which sk.verify does by itself",
            )


def check_symbols(expressions: Iterable[Expression], variables: tuple[Variable, ...]) -> None:
    """Every variable has a drift, and no name stands for two things.

    Raises:
        DeclarationError: If not.
    """
    meaning: dict[str, object] = {}

    def claim(name: str, thing: object, kind: str) -> None:
        if meaning.setdefault(name, thing) != thing:
            raise DeclarationError(
                f"the name {name} stands for two different things",
                found=f"a second {kind} of that name",
                fix="declare it once and use that one, or rename one of them",
            )

    for x in variables:
        claim(x.name, x, "variable")
    for expression in expressions:
        for node in expression.walk():
            if isinstance(node, Variable):
                if node not in variables:
                    claim(node.name, node, "variable")
                    raise DeclarationError(
                        f"{node.name} has no drift, so it is no variable of the state",
                        expected=f"one of {', '.join(x.name for x in variables)}",
                        fix="give it an entry in drift, or declare it as a parameter",
                    )
            elif isinstance(node, Parameter):
                claim(node.name, node, "parameter")
            elif isinstance(node, (ex.Call, EachRow)):
                claim(node.function.name, node.function, "function")
            for dim in (node.dim,) if isinstance(node, ex.Size) else node.shape:
                claim(dim.name, dim, "dimension")
