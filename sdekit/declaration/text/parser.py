"""A parser of our own for expressions in model files: Python's grammar of arithmetic, nothing else.

Only numbers, declared names, the named functions and operators of DESIGN section 1 exist; there is
no attribute but `.T`, no indexing, no string, no statement, and nothing is ever evaluated as code.
Lengths and nesting are bounded, so hostile text ends in one error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sdekit.declaration.functions import entries, grammar
from sdekit.declaration.functions.records import words
from sdekit.declaration.tree import operators
from sdekit.declaration.tree.abbreviations import RELATIONS, Comparison
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.formal_function import FormalFunction
from sdekit.declaration.tree.names import ENTRY_WORDS, TENSOR_WORDS
from sdekit.declaration.tree.symbols import FunctionSymbol
from sdekit.errors import DeclarationError, ModelFileError, similar

#: A formula of this length (some thousand terms) is beyond anything published.
LONGEST_TEXT = 100_000
#: Nesting of parentheses, calls and unary signs.
DEEPEST_NESTING = 60
#: Digits of one number.
LONGEST_NUMBER = 1000

_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<operator>\*\*|[<>]=?|[-+*/@(),.])"
)

#: What a name may stand for in a formula.
Scope = Mapping[str, "Expression | Dim | FunctionSymbol | FormalFunction"]
#: Words whose first argument is the name of a function.
_OF_FUNCTIONS = ("rows", "pairs")

Calls = Mapping[str, Callable[..., Expression]]

_TENSOR_CALLS: Calls = {
    word: vars(entries if word in ENTRY_WORDS else grammar)[word]
    for word in (*TENSOR_WORDS, *ENTRY_WORDS)
}
_CONSTANTS: dict[str, Expression] = {"pi": grammar.pi, "E": grammar.E, "time": grammar.time}


@dataclass(frozen=True)
class Token:
    """One word of a formula and the column it starts at, from 1."""

    kind: str
    text: str
    column: int


def parse_expression(text: Any, scope: Scope, where: str | None = None) -> Expression:
    """Read a formula.

    Args:
        text: The formula; anything but a string is refused.
        scope: The declared names.
        where: The entry of the model file, for messages.

    Returns:
        The expression, as written.

    Raises:
        ModelFileError: With the column of the mistake.
    """
    if not isinstance(text, str):
        raise ModelFileError(
            "a formula is no text", where=where, found=repr(text)[:80], fix="put it in quotes"
        )
    if len(text) > LONGEST_TEXT:
        raise ModelFileError(
            "a formula is too long",
            where=where,
            expected=f"at most {LONGEST_TEXT} characters",
            found=len(text),
        )
    return _Parser(text, scope, where, _all_calls()).parse()


def _all_calls() -> Calls:
    return {**_TENSOR_CALLS, **{name: grammar.elementary(name) for name in words()}}


def parse_comparison(text: Any, scope: Scope, where: str | None = None) -> Comparison:
    """Read an inequality such as "2*k*m >= s**2"."""
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise ModelFileError(
            "an assumption is no inequality",
            where=where,
            expected='"a >= b"',
            found=repr(text)[:80],
        )
    parser = _Parser(text, scope, where, _all_calls())
    found = parser.comparison()
    parser.expect_end()
    return found


def parse_formula(text: str, scope: Scope, functions: Iterable[str]) -> Expression:
    """Read a formula of our own that may use these elementary functions, words or not."""
    return _Parser(
        text, scope, None, {name: grammar.elementary(name) for name in functions}
    ).parse()


class _Parser:
    def __init__(self, text: str, scope: Scope, where: str | None, calls: Calls) -> None:
        self.scope = scope
        self.calls = calls
        self.where = where
        self.depth = 0
        self.tokens = self._tokens(text)
        self.position = 0

    def _fail(self, what: str, column: int, **facts: Any) -> ModelFileError:
        return ModelFileError(what, where=self.where, column=column, **facts)

    def _tokens(self, text: str) -> list[Token]:
        tokens: list[Token] = []
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._fail(
                    "unexpected character",
                    position + 1,
                    found=ascii(text[position]),
                    fix="formulas hold ASCII names, numbers, + - * / ** @ ( ) , and .T",
                )
            if match.lastgroup != "space":
                tokens.append(Token(str(match.lastgroup), match.group(), position + 1))
            position = match.end()
        tokens.append(Token("end", "the end of the formula", len(text) + 1))
        return tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def _take(self) -> Token:
        token = self.token
        self.position += 1
        return token

    def _at(self, *texts: str) -> bool:
        return self.token.kind == "operator" and self.token.text in texts

    def _expect(self, text: str) -> None:
        if not self._at(text):
            raise self._fail(
                "syntax error", self.token.column, expected=f"'{text}'", found=self._shown()
            )
        self._take()

    def _shown(self) -> str:
        token = self.token
        return token.text if token.kind == "end" else f"'{token.text[:40]}'"

    def _build(self, build: Callable[..., Expression], column: int, *parts: Any) -> Expression:
        """Build a node; its errors get the place they belong to."""
        try:
            return build(*parts)
        except DeclarationError as error:
            raise self._fail(
                error.what, column, expected=error.expected, found=error.found, fix=error.fix
            ) from None
        except TypeError:
            raise self._fail("wrong number of arguments", column) from None

    def parse(self) -> Expression:
        result = self._sum()
        self.expect_end()
        return operators.as_expression(result)

    def expect_end(self) -> None:
        """Nothing may follow."""
        if self.token.kind != "end":
            raise self._fail(
                "syntax error",
                self.token.column,
                expected="an operator or the end of the formula",
                found=self._shown(),
            )

    def _sum(self) -> Expression:
        self._descend(self.token.column)
        found = self._chain(self._product, {"+": operators.add, "-": operators.subtract})
        self.depth -= 1
        return found

    def _descend(self, column: int) -> None:
        self.depth += 1
        if self.depth > DEEPEST_NESTING:
            raise self._fail(
                "a formula is nested too deeply",
                column,
                expected=f"at most {DEEPEST_NESTING} levels",
            )

    def _chain(
        self, operand: Callable[[], Expression], builders: Mapping[str, Callable[..., Expression]]
    ) -> Expression:
        """Operands with operators of one rank between them, taken together from the left."""
        left = operand()
        while self._at(*builders):
            operator = self._take()
            left = self._build(builders[operator.text], operator.column, left, operand())
        return left

    def _product(self) -> Expression:
        builders = {"*": operators.multiply, "/": operators.divide, "@": operators.matmul}
        return self._chain(self._unary, builders)

    def _unary(self) -> Expression:
        signs: list[Token] = []
        while self._at("-", "+"):
            signs.append(self._take())
            if len(signs) > DEEPEST_NESTING:
                raise self._fail("too many signs in a row", signs[-1].column)
        operand = self._power()
        for sign in reversed(signs):
            if sign.text == "-":
                operand = self._build(operators.negate, sign.column, operand)
        return operand

    def _power(self) -> Expression:
        base = self._postfix()
        if not self._at("**"):
            return base
        operator = self._take()
        self._descend(operator.column)
        exponent = self._unary()
        self.depth -= 1
        return self._build(operators.power, operator.column, base, exponent)

    def _postfix(self) -> Expression:
        operand = self._atom()
        while self._at("."):
            dot = self._take()
            if self.token.text != "T":
                raise self._fail(
                    "attributes do not exist in formulas",
                    dot.column,
                    expected=".T, the transpose",
                    found=f".{self.token.text[:40]}",
                )
            self._take()
            operand = self._build(operators.transpose, dot.column, operand)
        return operand

    def _atom(self) -> Any:
        token = self._take()
        if token.kind == "number":
            return self._number(token)
        if token.kind == "name":
            return self._call(token) if self._at("(") else self._name(token)
        if token.kind == "operator" and token.text == "(":
            inner = self._sum()
            self._expect(")")
            return inner
        self.position -= 1
        raise self._fail(
            "syntax error",
            token.column,
            expected="a number, a name or '('",
            found=self._shown(),
        )

    def _number(self, token: Token) -> Expression:
        mantissa, _, exponent = token.text.lower().partition("e")
        if len(mantissa) > LONGEST_NUMBER or abs(int(exponent or 0)) > LONGEST_NUMBER:
            raise self._fail(
                "a number is too long",
                token.column,
                expected=f"at most {LONGEST_NUMBER} digits",
                found=token.text[:20] + "...",
            )
        value = Fraction(mantissa.rstrip(".") or "0") * Fraction(10) ** int(exponent or 0)
        return self._build(operators.number, token.column, value)

    def _name(self, token: Token) -> Any:
        found = self.scope.get(token.text, _CONSTANTS.get(token.text))
        if isinstance(found, (FunctionSymbol, FormalFunction)):
            formal = ", ".join(found.names)
            raise self._fail(
                f"{token.text} is a function", token.column, fix=f"write {token.text}({formal})"
            )
        if token.text in self.calls:
            raise self._fail(
                f"{token.text} needs arguments", token.column, expected=f"{token.text}(...)"
            )
        if found is None:
            raise self._unknown(token, "name", [*self.scope, *_CONSTANTS])
        return found

    def _unknown(self, token: Token, kind: str, known: list[str]) -> ModelFileError:
        return self._fail(
            f"unknown {kind}",
            token.column,
            found=f"'{token.text[:40]}'",
            fix=similar(token.text, known, likeness=0.5) or f"declare {token.text[:40]} first",
        )

    def _call(self, token: Token) -> Expression:
        self._take()
        function = self.scope.get(token.text)
        arguments = self._arguments("" if function is not None else token.text)
        if isinstance(function, FormalFunction):
            return self._build(function.call, token.column, *arguments)
        if isinstance(function, FunctionSymbol):
            return self._build(operators.call, token.column, function, *arguments)
        if function is not None:
            raise self._fail(
                f"{token.text} is no function",
                token.column,
                found=f"{token.text}(...)",
                fix=f"write {token.text}*(...) for a product",
            )
        if token.text not in self.calls:
            kinds = (FunctionSymbol, FormalFunction)
            functions = [name for name, thing in self.scope.items() if isinstance(thing, kinds)]
            raise self._unknown(token, "function", [*functions, *self.calls])
        if token.text in ("eye", "ones"):
            arguments = [a if isinstance(a, Dim) else self._axis(a, token) for a in arguments]
        elif token.text == "transpose":
            arguments[1:] = [self._axis(argument, token) for argument in arguments[1:]]
        return self._build(self.calls[token.text], token.column, *arguments)

    def _arguments(self, word: str) -> list[Any]:
        """What stands between parentheses, the closing one included."""
        arguments: list[Any] = []
        while not self._at(")"):
            if arguments or word not in (*_OF_FUNCTIONS, "where"):
                arguments.append(self._sum())
            else:
                arguments.append(self.comparison() if word == "where" else self._function(word))
            if not self._at(")"):
                self._expect(",")
        self._take()
        if word in _OF_FUNCTIONS and len(arguments) == 2:
            function, operand = arguments
            if isinstance(function, FormalFunction):
                row = operators.as_expression(operand).shape[1:]
                arguments[0] = function.of(row)
        return arguments

    def _function(self, word: str) -> FunctionSymbol | FormalFunction:
        """A function by its name alone."""
        token = self._take()
        found = self.scope.get(token.text)
        if isinstance(found, (FunctionSymbol, FormalFunction)):
            return found
        raise self._fail(
            f"{word} applies an unknown function",
            token.column,
            expected=f"{word}(U, X) with U from [functions]",
            found=f"'{token.text[:40]}'",
        )

    def comparison(self) -> Comparison:
        """Two sums with a relation between them."""
        left, relation = self._sum(), self.token
        if not self._at(*RELATIONS):
            raise self._fail(
                "expected a comparison",
                relation.column,
                expected="a > b, a >= b, a < b or a <= b",
                found=self._shown(),
            )
        self._take()
        return operators.compare(left, relation.text, self._sum())

    def _axis(self, argument: Any, token: Token) -> int:
        value = getattr(argument, "value", None)
        if not isinstance(value, Fraction) or value.denominator != 1:
            raise self._fail(
                f"{token.text} takes dimensions and integers here",
                token.column,
                found=repr(argument)[:60],
            )
        return int(value)
