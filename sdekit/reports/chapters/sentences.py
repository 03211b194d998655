r"""Sentences of the verifier set as mathematics: what parses as a formula becomes one.

The verifier gives its reasons as text in the grammar of model files ("L H = -A*dot(p, p) <= c (1 +
H)"). Each longest run of text that is a formula over the symbols of the model is set between
dollar signs; everything else stays as it is, so that no meaning can be lost.

Not for formulas by themselves (`formulas`).
Checked by: tests/reports/chapters/test_sentences.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.text.latex import symbol_latex
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable
from sdekit.reports.chapters.formulas import Scope, formula_in, plain

#: Symbols of the verifier's own sentences, where the model has none of that name.
_PROSE_SYMBOLS = ("H", "D", "V", "K", "c", "k", "h", "z", "n", "rho", "target", "L")
#: Words that stay words even if the model has a symbol of that name.
_ENGLISH = frozenset("as at by for if in is it no of on or so the to".split())
_RELATIONS = {
    "=": "=", "==": "=", "<=": r"\le", ">=": r"\ge", "<": "<", ">": ">", "!=": r"\ne",
    "->": r"\mapsto", "!= ": r"\ne",
}  # fmt: skip
_WORDS = frozenset(
    {*FUNCTIONS, "dot", "outer", "trace", "diag", "eye", "ones", "inv", "logdet", "transpose"}
    | {"grad", "div", "diff", "sum", "max", "min", "norm", "logsumexp", "pi", "E"}
)
_TOKEN = re.compile(r"[A-Za-z_]\w*'*|\d+(?:\.\d+)?|\*\*|<=|>=|!=|->|==|\S")
_NAME = re.compile(r"[A-Za-z_]\w*$")
_OPERATORS = frozenset("+ - * / ** ^ ( ) [ ] , @ .".split())
_BINARY = frozenset("+ - * / ** ^ @".split())
_OPENING, _CLOSING = frozenset("(["), frozenset(")]")


def _number_latex(text: str) -> str:
    mantissa, e, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else mantissa


def _ball(found: re.Match[str]) -> str:
    middle = f"{_number_latex(found[1])} " if found[1] else "0 "
    return rf"{middle}\pm {_number_latex(found[2])}"


def _brackets(found: re.Match[str]) -> str:
    """d/dp d/dq of the drift: brackets of vector fields, the last one inside."""
    latex = "v"
    for name in reversed(re.findall(r"d/d(\w+)", found[0])):
        latex = rf"[\partial_{{{symbol_latex(name)}}}, {latex}]"
    return latex


def _slope(found: re.Match[str]) -> str:
    return rf"\partial {symbol_latex(found[1])} / \partial {symbol_latex(found[2])}"


#: The generator, which stands before what it acts on like a factor.
_GENERATOR = r"\mathcal{L}"
_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
#: What the verifier writes in shorthand: pattern, and LaTeX of what was found.
_IDIOMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), latex)
    for pattern, latex in (
        (rf"\[(?:({_NUMBER}) )?\+/- ({_NUMBER})\]", _ball),
        (r"(?:d/d\w+ )+of the drift", _brackets),
        (r"\bd([A-Z])/d(\w+)", _slope),
        (r"A_k\^dagger 1\b", lambda _: r"\mathcal{A}_{k}^{\dagger} 1"),
        (r"A_k = L\^k / k!", lambda _: r"\mathcal{A}_{k} = \mathcal{L}^{k} / k!"),
        (r"L\^dagger 1\b", lambda _: r"\mathcal{L}^{\dagger} 1"),
        (r"sigma sigma\^T / 2", lambda _: r"\sigma \sigma^{\mathsf{T}} / 2"),
        (r"x\^T D x", lambda _: r"x^{\mathsf{T}} D \, x"),
        (r"\|z\|\^2", lambda _: r"\left\|z\right\|^{2}"),
        (
            r"-\(H after - H before\)",
            lambda _: r"-\left(H_{\text{after}} - H_{\text{before}}\right)",
        ),
        (r"exp\(-H\)", lambda _: r"\mathrm{e}^{-H}"),
        (r"exp\(-target\)", lambda _: r"\mathrm{e}^{-\text{target}}"),
        (r"\|x\|\*\*2", lambda _: r"\left\|x\right\|^{2}"),
        (
            r"log q\(x\|y\) - log q\(y\|x\)",
            lambda _: r"\log q(x \mid y) - \log q(y \mid x)",
        ),
        (r"g\(t\) - t g\(1/t\)", lambda _: r"g(t) - t \, g(1/t)"),
        (r"\bL (?=[HV(]|sdekit)", lambda _: _GENERATOR),
    )
)


Tokens = list[re.Match[str]]


@dataclass(frozen=True)
class _Piece:
    """Text, or a formula as LaTeX; a bare number is text that may become part of a formula."""

    text: str
    is_formula: bool = False
    may_join: bool = False


def mathematics(sentence: str, scope: Scope) -> str:
    """The sentence with its formulas between dollar signs.

    Args:
        sentence: What the verifier says.
        scope: The symbols it may speak of, by name, as of `scope_of(dynamics)`.

    Example:
        >>> import sdekit as sk
        >>> mathematics("D is definite on p", scope_of(sk.catalog.get("langevin")))
        '$D$ is definite on $p$'
    """
    return _Typesetter(scope).sentence(plain(sentence))


class _Typesetter:
    """One sentence at a time; what stands for an idiom or a component is a symbol of its own."""

    def __init__(self, own: Scope) -> None:
        prose = {name: Parameter(name) for name in _PROSE_SYMBOLS}
        self._bare = frozenset({*own, "H", "D"} - _ENGLISH)
        self._scope: dict[str, Any] = {**prose, **own}
        self._functions = [k for k, v in own.items() if isinstance(v, FunctionSymbol)]
        # Components of the noise of a step are called z.
        self._blocks = ["z", *(k for k, v in own.items() if isinstance(v, Variable | Parameter))]
        self._meanings: dict[str, str] = {}

    def sentence(self, text: str) -> str:
        """The sentence with its formulas set."""
        text = text.replace("Hoermander", "H\N{LATIN SMALL LETTER O WITH DIAERESIS}rmander")
        for pattern, latex in _IDIOMS:
            if "L " in pattern.pattern and "L" in self._bare:
                continue
            text = pattern.sub(lambda found, latex=latex: self._stand_in(latex(found)), text)
        text = self._components(text)
        # "c (1 + H)", "L (H + ...)" and "K |z|^2" are products.
        text = re.sub(r"\b(sdekit\w+|c|K|\d+) (?=\(|V\b|sdekit)", r"\1*", text)
        return "".join(
            f"${piece.text}$" if piece.is_formula else self._without_stand_ins(piece.text)
            for piece in _joined(list(self._pieces(text)))
        )

    def _without_stand_ins(self, text: str) -> str:
        """Text beside formulas, with an idiom in it as a formula of its own."""
        return re.sub(r"sdekitx[a-j]+z\*?", lambda m: f"${self._meanings[m[0].rstrip('*')]}$", text)

    def _stand_in(self, latex: str) -> str:
        """A symbol that no model has, in letters only."""
        digits = "".join(chr(ord("a") + int(digit)) for digit in str(len(self._meanings)))
        name = f"sdekitx{digits}z"
        self._meanings[name] = latex
        self._scope[name] = Parameter(name)
        return f"{name}*" if latex == _GENERATOR else name

    def _components(self, text: str) -> str:
        """Components of blocks, values of functions there, and derivatives, as symbols."""
        blocks = "|".join(map(re.escape, sorted(self._blocks, key=len, reverse=True)))
        if blocks:
            text = re.sub(
                rf"\b(?:{blocks})(?:_\d+)+\b", lambda m: self._stand_in(symbol_latex(m[0])), text
            )
        names = "|".join(map(re.escape, self._functions))
        if names:
            entries = rf"\b((?:{names})(?:_\d+)*)\((sdekit\w+(?:, sdekit\w+)*)\)"
            text = re.sub(entries, lambda m: self._stand_in(self._call(m[1], m[2])), text)
            text = re.sub(
                rf"\b(?:{names})(?:_\d+)+\b", lambda m: self._stand_in(symbol_latex(m[0])), text
            )
        derivative = re.compile(r"Derivative\((sdekit\w+)((?:, sdekit\w+)+)\)")
        return derivative.sub(lambda m: self._stand_in(self._derivative(m[1], m[2])), text)

    def _call(self, name: str, arguments: str) -> str:
        inside = ", ".join(self._meanings[one.strip()] for one in arguments.split(","))
        return f"{symbol_latex(name)}({inside})"

    def _derivative(self, function: str, variables: str) -> str:
        marks = (
            rf"\partial_{{{self._meanings[name.strip()]}}}"
            for name in variables.split(",")
            if name.strip()
        )
        return f"{' '.join(marks)} {self._meanings[function]}"

    def _pieces(self, text: str) -> Iterator[_Piece]:
        tokens = list(_TOKEN.finditer(text))
        place = first = 0
        while first < len(tokens):
            found, last = self._longest(text, tokens, first)
            if found is not None:
                yield _Piece(text[place : tokens[first].start()])
                yield found
                place = tokens[last - 1].end()
            first = last
        yield _Piece(text[place:])

    def _longest(self, text: str, tokens: Tokens, first: int) -> tuple[_Piece | None, int]:
        """The longest formula that begins at a token, and the token to go on with."""
        for last in range(self._end_of_run(tokens, first), first, -1):
            if _is_cut(text, tokens, first, last):
                continue
            found = self._formula(text[tokens[first].start() : tokens[last - 1].end()])
            if found is not None:
                return found, last
        return None, first + 1

    def _end_of_run(self, tokens: Tokens, first: int) -> int:
        """Behind the last token that can belong to a formula which begins at `first`."""
        end, depth = first, 0
        while end < len(tokens):
            word = tokens[end][0]
            depth += (word in _OPENING) - (word in _CLOSING)
            is_index = depth > 0 and len(word) == 1 and word.isalpha()
            known = word in self._scope or word in _WORDS or word in _OPERATORS or is_index
            if depth < 0 or not (known or word[0].isdigit()):
                break
            end += 1
        return end

    def _formula(self, run: str) -> _Piece | None:
        if run[-1] in ".,(" or run[0] in "),*/]@^.":
            return None
        if _NAME.match(run) and not (run in self._bare or run in self._meanings):
            # A word by itself may be one of English, but not beside a relation.
            return _Piece(run, may_join=True) if run in self._scope and len(run) == 1 else None
        if run in self._functions:
            return _Piece(symbol_latex(run), is_formula=True)
        if re.fullmatch(r"-?\d+", run):
            return _Piece(run, may_join=True)
        latex = formula_in(run, self._scope)
        if latex is None:
            return None
        for name, meaning in self._meanings.items():
            latex = latex.replace(symbol_latex(name), meaning)
        return _Piece(latex, is_formula=True)


def _is_cut(text: str, tokens: Tokens, first: int, last: int) -> bool:
    """Whether a run of tokens is part of a longer formula, and so would say something else."""
    start = tokens[first].start()
    before = tokens[first - 1][0] if first else ""
    after = tokens[last][0] if last < len(tokens) else ""
    behind = text[start - 1] if start else " "
    if behind in "'_" or (text[start] == "(" and behind.isalnum()):
        return True
    if (
        tokens[first][0] == "a"
        and last == first + 1
        and after not in ("is", "in", ":", ",", ";", "")
    ):
        return True
    is_called = after == "(" and tokens[last].start() == tokens[last - 1].end()
    return before in _BINARY or after in _BINARY or is_called


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Formulas with a relation between them as one."""
    found: list[_Piece] = []
    for piece in pieces:
        if len(found) >= 2 and _may_relate(found[-2]) and _may_relate(piece):
            relation = _RELATIONS.get(found[-1].text.strip())
            if relation is not None:
                left = found[-2]
                found[-2:] = [_Piece(f"{left.text} {relation} {piece.text}", is_formula=True)]
                continue
        found.append(piece)
    return found


def _may_relate(piece: _Piece) -> bool:
    return piece.is_formula or piece.may_join
