"""Writes a `Dynamics` as the text of a model file that reads back as an equal object."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.expression_text import comparison_text, grammar_text
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.expression import Call, Expression, Shape
from sdekit.declaration.tree.symbols import (
    TIME_ARGUMENT,
    FunctionSymbol,
    Parameter,
    Variable,
)

Lines = list[str]


def to_toml(
    dynamics: Dynamics, also: Iterable[Expression] = (), known: Collection[Expression] = ()
) -> str:
    """The model as TOML, format 1.

    Args:
        dynamics: The model.
        also: Formulas beside it whose symbols are declared, too.
        known: Symbols that need no declaration.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> d = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
        >>> sk.loads(to_toml(d)) == d
        True
    """
    lines: Lines = ["format = 1"]
    for key in ("name", "source"):
        value = getattr(dynamics, key)
        if value is not None:
            lines.append(f"{key} = {_quoted(value)}")
    if dynamics.interpretation != "ito":
        lines.append(f"interpretation = {_quoted(dynamics.interpretation)}")
    if dynamics.assume:
        facts = ", ".join(_quoted(comparison_text(fact)) for fact in dynamics.assume)
        lines.append(f"assume = [{facts}]")
    nodes = [node for formula in also for node in formula.walk() if node not in known]
    dims = dict.fromkeys([*dynamics.dimensions, *(dim for node in nodes for dim in node.shape)])
    named = [dim for dim in dims if dim.name != f"size_{dim.size}"]
    sizes = [f"{dim.name} = {_quoted('any') if dim.size is None else dim.size}" for dim in named]
    calls = [node.function for node in nodes if isinstance(node, Call)]
    functions = dict.fromkeys([*dynamics.functions, *calls])
    constants = [node for node in nodes if isinstance(node, Parameter)]
    parameters = dict.fromkeys([*dynamics.parameters, *constants])
    _section(lines, "dimensions", sizes)
    _section(lines, "variables", [_variable(x, dynamics) for x in dynamics.variables])
    _section(lines, "parameters", [_parameter(parameter) for parameter in parameters])
    _section(lines, "functions", [_function(function) for function in functions])
    _section(lines, "drift", [f"{x.name} = {_formula(v)}" for x, v in dynamics.drift.items()])
    if dynamics.noise is None:
        _section(lines, "diffusion", _blocks(dynamics.diffusion))
    else:
        _section(lines, "noise", [f"{x.name} = {_row(row)}" for x, row in dynamics.noise.items()])
    _section(lines, "gradient_noise", _blocks(dynamics.gradient_noise))
    energies = {"H": dynamics.hamiltonian, "target": dynamics.target}
    _section(
        lines, "energy", [f"{k} = {_formula(e)}" for k, e in energies.items() if e is not None]
    )
    return "\n".join(lines) + "\n"


def _section(lines: Lines, name: str, entries: Lines) -> None:
    if entries:
        lines += ["", f"[{name}]", *entries]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    controls = {chr(code): f"\\u{code:04x}" for code in (*range(32), 127)}
    return '"' + "".join(controls.get(character, character) for character in escaped) + '"'


def _formula(expression: Expression) -> str:
    return _quoted(grammar_text(expression))


def _row(row: Expression | tuple[Expression, ...]) -> str:
    if isinstance(row, tuple):
        return f"[{', '.join(map(_formula, row))}]"
    return _formula(row)


def _shape(shape: Shape) -> str:
    names = [
        str(dim.size) if dim.name == f"size_{dim.size}" else _quoted(dim.name) for dim in shape
    ]
    return f"shape = [{', '.join(names)}]"


def _options(entries: Lines) -> str:
    return "{ " + ", ".join(entries) + " }" if entries else "{ }"


def _domain(domain: Domain) -> str:
    if domain.kind == "interval":
        return f"domain = [{_quoted(str(domain.lower))}, {_quoted(str(domain.upper))}]"
    if domain.period is not None:
        return f"domain = {{ circle = {_quoted(repr(domain.period))} }}"
    return f"domain = {_quoted(domain.kind)}"


def _variable(x: Variable, dynamics: Dynamics) -> str:
    entries = [_shape(x.shape)] if x.shape else []
    if x.symmetry:
        entries.append(f"{x.symmetry} = true")
    if dynamics.target is not None and x in dynamics.target_variables:
        entries.append('role = "target"')
    if x.domain.kind != "real":
        entries.append(_domain(x.domain))
    return f"{x.name} = {_options(entries)}"


def _flags(assumptions: frozenset[str]) -> Lines:
    """The assumptions without those that others imply."""
    definite = assumptions & {"positive_definite", "positive_semidefinite"}
    return [
        f"{name} = true" for name in sorted(assumptions - ({"symmetric"} if definite else set()))
    ]


def _parameter(parameter: Parameter) -> str:
    entries = [_shape(parameter.shape)] if parameter.shape else []
    entries += _flags(parameter.assumptions)
    if parameter.value is not None:
        entries.append(f"value = {_quoted(str(parameter.value))}")
    if not entries:
        return f'{parameter.name} = "real"'
    if len(entries) == 1 and entries[0].endswith(" = true"):
        return f"{parameter.name} = {_quoted(entries[0].removesuffix(' = true'))}"
    return f"{parameter.name} = {_options(entries)}"


def _function(function: FunctionSymbol) -> str:
    names = ["time" if x == TIME_ARGUMENT else x.name for x in function.arguments]
    arguments = ", ".join(map(_quoted, names))
    if not function.shape and not function.assumptions:
        return f"{function.name} = [{arguments}]"
    entries = [f"of = [{arguments}]"]
    if function.shape:
        entries.append(_shape(function.shape))
    return f"{function.name} = {_options(entries + _flags(function.assumptions))}"


def _blocks(blocks: Mapping[tuple[Variable, Variable], Expression]) -> Lines:
    lines = []
    for (x, y), block in blocks.items():
        key = x.name if x == y else f'"{x.name}, {y.name}"'
        lines.append(f"{key} = {_formula(block)}")
    return lines
