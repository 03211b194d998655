"""Model files: a `Dynamics` as TOML (format 1), both ways.

The grammar is DESIGN section 1; formulas are read by `parser`, never evaluated as code. Not for
results or checkpoints, which are other files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.model_file_writer import to_toml
from sdekit.declaration.model.toml_text import toml_table
from sdekit.declaration.text.parser import Scope, parse_comparison, parse_expression
from sdekit.declaration.tree.abbreviations import Comparison
from sdekit.declaration.tree.declared import ASSUMPTIONS
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.formal_function import FormalFunction
from sdekit.declaration.tree.symbols import (
    PROPERTIES,
    TIME_ARGUMENT,
    FunctionSymbol,
    Parameter,
    Variable,
    as_domain,
    exact_number,
)
from sdekit.errors import DeclarationError, ModelFileError, similar

__all__ = ["dynamics_from_toml", "read_model", "to_toml"]

_TABLES = (
    "dimensions", "variables", "parameters", "functions", "drift", "diffusion", "noise",
    "gradient_noise", "energy",
)  # fmt: skip
#: What may be assumed of a function.
_OF_FUNCTIONS = (*ASSUMPTIONS, *PROPERTIES)
_ENTRIES = ("format", "name", "source", "interpretation", "assume")


def dynamics_from_toml(text: str) -> Dynamics:
    """Read the text of a model file.

    Raises:
        ModelFileError: If it is no model; the message names the place.
    """
    return read_model(toml_table(text))[0]


def read_model(table: Mapping[str, Any]) -> tuple[Dynamics, Scope]:
    """The dynamics of a model file that is read as TOML, and what its names stand for.

    Raises:
        ModelFileError: If it is no model; the message names the place.
    """
    reader = _Reader(table)
    return reader.dynamics(), reader.scope


class _Reader:
    """One model file on its way to a `Dynamics`."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.table = table
        self.scope: dict[str, Expression | Dim | FunctionSymbol | FormalFunction] = {}
        self.roles: dict[Variable, str] = {}

    def _section(self, name: str) -> dict[str, Any]:
        section = self.table.get(name, {})
        if not isinstance(section, dict):
            raise ModelFileError(
                f"[{name}] is no table", where=name, found=repr(section)[:60], fix=f"write [{name}]"
            )
        return section

    def _define(self, name: str, thing: Any, where: str) -> None:
        if name in self.scope:
            raise ModelFileError(f"{name} is declared twice", where=where, fix="rename one of them")
        self.scope[name] = thing

    def dynamics(self) -> Dynamics:
        self._check_entries()
        for read in (self._dimensions, self._parameters, self._variables, self._functions):
            self._placed(read)
        drift = self._drift()
        energy = self._section("energy")
        _known(energy, ("H", "target"), "energy")
        targets = [x for x, role in self.roles.items() if role == "target"]
        given: dict[str, Any] = {
            "drift": drift,
            "diffusion": self._blocks("diffusion"),
            "noise": self._noise() if "noise" in self.table else None,
            "gradient_noise": self._blocks("gradient_noise"),
            "hamiltonian": self._energy(energy.get("H"), "energy.H"),
            "target": self._energy(energy.get("target"), "energy.target"),
            "interpretation": self.table.get("interpretation", "ito"),
            "name": self.table.get("name"),
            "source": self.table.get("source"),
            "target_variables": targets or None,
            "assume": self._assumed(),
        }
        return self._placed(lambda: Dynamics(**given))

    def _placed(self, build: Any, where: str | None = None) -> Any:
        """Errors of a declaration become errors of the file."""
        try:
            return build()
        except DeclarationError as error:
            raise ModelFileError(
                error.what, where=where, expected=error.expected, found=error.found, fix=error.fix
            ) from None

    def _check_entries(self) -> None:
        _known(self.table, _ENTRIES + _TABLES, None)
        if self.table.get("format", 1) != 1:
            raise ModelFileError(
                "unknown format of model files",
                where="format",
                expected=1,
                found=repr(self.table["format"])[:40],
            )
        for entry in ("name", "source", "interpretation"):
            if not isinstance(self.table.get(entry, ""), str):
                raise ModelFileError(
                    "expected text", where=entry, found=repr(self.table[entry])[:60]
                )
        for required in ("variables", "drift"):
            if not self._section(required):
                raise ModelFileError(
                    f"the table [{required}] is missing or empty", fix=f"add [{required}]"
                )

    def _dimensions(self) -> None:
        for name, value in self._section("dimensions").items():
            where = f"dimensions.{name}"
            if value != "any" and (isinstance(value, bool) or not isinstance(value, int)):
                raise ModelFileError(
                    "the size of a dimension",
                    where=where,
                    expected='"any" or a positive integer',
                    found=repr(value)[:60],
                )
            size = None if value == "any" else value
            self._define(name, self._placed(lambda n=name, s=size: Dim(n, s), where), where)

    def _shape(self, value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ModelFileError(
                "a shape is no list", where=where, expected='shape = ["n"]', found=repr(value)[:60]
            )
        dims: list[Any] = []
        for item in value:
            found = self.scope.get(item) if isinstance(item, str) else item
            if isinstance(item, bool) or not isinstance(found, (Dim, int)):
                known = ", ".join(n for n, thing in self.scope.items() if isinstance(thing, Dim))
                raise ModelFileError(
                    "a shape names an unknown dimension",
                    where=where,
                    expected=f"one of {known}" if known else "a dimension from [dimensions]",
                    found=repr(item)[:60],
                )
            dims.append(found if isinstance(found, Dim) else Dim(f"size_{found}", found))
        return tuple(dims)

    def _variables(self) -> None:
        for name, value in self._section("variables").items():
            where = f"variables.{name}"
            options = _table(value, where)
            _known(options, ("shape", "role", "domain", "symmetric", "antisymmetric"), where)
            role = options.get("role", "auxiliary")
            if role not in ("target", "auxiliary"):
                raise ModelFileError(
                    "unknown role",
                    where=where,
                    expected='"target" or "auxiliary"',
                    found=repr(role)[:60],
                )
            symmetry = [s for s in ("symmetric", "antisymmetric") if _flag(options, s, where)]
            if len(symmetry) > 1:
                raise ModelFileError("symmetric and antisymmetric", where=where, fix="keep one")
            shape = self._shape(options.get("shape", []), where)
            domain = options.get("domain", "real")
            x = self._placed(
                lambda n=name, s=shape, y=symmetry, d=domain: Variable(
                    n, s, y[0] if y else None, as_domain(d, self.scope)
                ),
                where,
            )
            self.roles[x] = role
            self._define(name, x, where)

    def _parameters(self) -> None:
        for name, value in self._section("parameters").items():
            where = f"parameters.{name}"
            if isinstance(value, str):
                value = {} if value == "real" else {value: True}
                if not set(value) <= set(ASSUMPTIONS):
                    raise _assumption_error(value, where)
            options = _table(value, where)
            _known(options, ("shape", "value", "real", *ASSUMPTIONS), where)
            assumed = frozenset(a for a in ASSUMPTIONS if _flag(options, a, where))
            shape = self._shape(options.get("shape", []), where)
            exact = options.get("value")
            if isinstance(exact, float):
                # TOML has no exact decimals: its shortest text is what the user wrote.
                exact = repr(exact)
            parameter = self._placed(
                lambda n=name, s=shape, a=assumed, v=exact: Parameter(
                    n, s, a, None if v is None else exact_number(v)
                ),
                where,
            )
            self._define(name, parameter, where)

    def _functions(self) -> None:
        for name, value in self._section("functions").items():
            where = f"functions.{name}"
            options = {"of": value} if isinstance(value, list) else _table(value, where)
            _known(options, ("of", "shape", *_OF_FUNCTIONS), where)
            arguments = options.get("of")
            if not isinstance(arguments, list) or not arguments:
                raise ModelFileError(
                    "a function needs its arguments",
                    where=where,
                    expected='["theta"]',
                    found=repr(arguments)[:60],
                )
            formal = []
            for argument in arguments:
                x = self.scope.get(argument, argument) if isinstance(argument, str) else None
                x = TIME_ARGUMENT if argument == "time" else x
                if not isinstance(x, (Variable, str)):
                    raise ModelFileError(
                        "an argument of a function is no variable",
                        where=where,
                        expected="a variable, or a name of its own",
                        found=repr(argument)[:60],
                    )
                formal.append(x)
            assumed = frozenset(a for a in _OF_FUNCTIONS if _flag(options, a, where))
            shape = self._shape(options.get("shape", []), where)
            # Names that are no variables are formal: their shapes come with the first use.
            is_formal = any(isinstance(x, str) for x in formal)
            kind: Any = FormalFunction if is_formal else FunctionSymbol
            symbol = self._placed(
                lambda k=kind, n=name, f=tuple(formal), s=shape, a=assumed: k(n, f, s, a), where
            )
            self._define(name, symbol, where)

    def _assumed(self) -> list[Comparison]:
        facts = self.table.get("assume", [])
        if not isinstance(facts, list):
            raise ModelFileError(
                "assume is no list",
                where="assume",
                expected='assume = ["2*k*m >= s**2"]',
                found=repr(facts)[:60],
            )
        return [parse_comparison(fact, self.scope, "assume") for fact in facts]

    def _energy(self, value: Any, where: str) -> Expression | None:
        return None if value is None else self._formula(value, where)

    def _formula(self, value: Any, where: str) -> Expression:
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        return parse_expression(str(value) if is_integer else value, self.scope, where)

    def _variable(self, name: str, where: str) -> Variable:
        x = self.scope.get(name)
        if not isinstance(x, Variable):
            known = [key for key, thing in self.scope.items() if isinstance(thing, Variable)]
            raise ModelFileError(
                f"{name[:40]!r} is no variable",
                where=where,
                expected=f"one of {', '.join(known)}",
                fix=similar(name, known, likeness=0.5),
            )
        return x

    def _drift(self) -> dict[Variable, Expression]:
        given = {
            self._variable(name, f"drift.{name}"): self._formula(value, f"drift.{name}")
            for name, value in self._section("drift").items()
        }
        missing = [x.name for x in self.roles if x not in given]
        if missing:
            raise ModelFileError(
                f"{', '.join(missing)} has no drift",
                where="drift",
                fix=f'write {missing[0]} = "0" if it does not drift',
            )
        # The order of [variables] is the order of the state.
        return {x: given[x] for x in self.roles}

    def _blocks(self, table: str) -> dict[tuple[Variable, Variable], Expression] | None:
        if table not in self.table:
            return None
        blocks: dict[tuple[Variable, Variable], Expression] = {}
        for key, value in self._section(table).items():
            where = f"{table}.{key}"
            names = [name.strip() for name in key.split(",")]
            if len(names) > 2:
                raise ModelFileError("a block has one or two variables", where=where, found=key)
            x, y = self._variable(names[0], where), self._variable(names[-1], where)
            if (x, y) in blocks:
                raise ModelFileError("a block is given twice", where=where, fix="keep one")
            blocks[x, y] = self._formula(value, where)
        return blocks

    def _noise(self) -> dict[Variable, Any]:
        rows: dict[Variable, Any] = {}
        for name, value in self._section("noise").items():
            where = f"noise.{name}"
            if isinstance(value, list):
                row: Any = tuple(self._formula(entry, where) for entry in value)
            else:
                row = self._formula(value, where)
            rows[self._variable(name, where)] = row
        return rows


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ModelFileError(
            "expected a table", where=where, expected="{ ... }", found=repr(value)[:60]
        )
    return value


def _flag(options: Mapping[str, Any], name: str, where: str) -> bool:
    value = options.get(name, False)
    if not isinstance(value, bool):
        raise ModelFileError(
            f"{name} is neither true nor false", where=where, found=repr(value)[:60]
        )
    return value


def _assumption_error(value: Mapping[str, Any], where: str) -> ModelFileError:
    name = next(iter(value))
    return ModelFileError(
        "unknown assumption",
        where=where,
        expected=f"one of real, {', '.join(ASSUMPTIONS)}",
        found=repr(name)[:60],
        fix=similar(name, ("real", *ASSUMPTIONS)),
    )


def _known(table: Mapping[str, Any], allowed: tuple[str, ...], where: str | None) -> None:
    for key in table:
        if key not in allowed:
            raise ModelFileError(
                f"unknown entry {key[:40]!r}",
                where=where,
                expected=f"one of {', '.join(allowed)}",
                fix=similar(key, allowed),
            )
