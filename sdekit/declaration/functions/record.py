"""What is known of one elementary function: plain data that every engine reads.

Formulas are texts of the grammar in the one letter u (`sdekit.declaration.text.formulas` reads
them); what another library calls the function is a name there, so that this module imports nothing
and costs `import sdekit` nothing.

Not for the functions themselves (`records`), nor for what an engine does natively with those that
it is built on (exp, log, roots, sine and cosine, absolute value).
"""

from __future__ import annotations

from typing import NamedTuple

#: Where a function is smooth: on the whole line, where u > 0, where u != 0; "inside" where
#: `inside` is positive; "elsewhere" if it has poles that no sign of u tells.
EVERYWHERE, POSITIVE, NONZERO, INSIDE, ELSEWHERE = (
    "everywhere",
    "> 0",
    "!= 0",
    "inside",
    "elsewhere",
)


class ElementaryFunction(NamedTuple):
    """One function of one real number.

    Attributes:
        name: The word of the grammar; also the name of the kernel in the calculi.
        summary: One sentence on what it is; the documentation of the Python function.
        slope: The derivative; "" where it is not expressible.
        is_word: Whether a model may use it; otherwise it only comes in with SymPy or a derivative.
        python: Name of the function in Python, where `name` is taken by a builtin.
        definition: The function in terms of others, which the proofs then use instead of it; "" for
            a function of its own right.
        reciprocal_of: The function that this one is one over, or "".
        logarithm: The same function written with logarithms and roots, or "".

        smooth: Where it is smooth, one of the constants of this module.
        inside: What must be positive for the function and its slope to be real, or "".
        edge: What it does where it stops being smooth: "kink", "root" (continuous, its slope has a
            pole), "jump", "pole", or "" where nothing happens on the real line.
        parity: "odd", "even" or "".
        sign: "argument" where f(u) has the sign of u; "argument, no zero" where it vanishes
            nowhere beside that; "positive", "nonnegative", or "" for nothing known.
        bounds: Two exact numbers between which all values lie, or None.
        growth: How |f(u)| grows at most: "bounded", "root", "linear"; "" for faster or unknown.
        tail: Behaviour as |u| grows, for odd functions with a limit: that limit as a text;
            "logarithm" for sign(u) log|u|, "oscillates"; "" for nothing known.
        is_increasing: Whether it increases wherever it is defined.
        exact: Pairs (u, f(u)) of rational numbers.

        ball: Name of the method of a FLINT ball; "" for none.
        sympy: Name of the class in SymPy; "" where `definition` stands for it.
        sympy_leading: Arguments that SymPy's class takes before u.
        jax: Dotted path of the function of a JAX array; "" for none.
        latex: LaTeX with %s for the argument.
        unicode: Unicode with %s for the argument; `name(...)` where it is "".
    """

    name: str
    summary: str
    slope: str
    is_word: bool = True
    python: str = ""
    definition: str = ""
    reciprocal_of: str = ""
    logarithm: str = ""
    smooth: str = EVERYWHERE
    inside: str = ""
    edge: str = ""
    parity: str = ""
    sign: str = ""
    bounds: tuple[int, int] | None = None
    growth: str = ""
    tail: str = ""
    is_increasing: bool = False
    exact: tuple[tuple[int, int], ...] = ()
    ball: str = ""
    sympy: str = ""
    sympy_leading: tuple[int, ...] = ()
    jax: str = ""
    latex: str = ""
    unicode: str = ""

    @property
    def python_name(self) -> str:
        """What the function is called in Python."""
        return self.python or self.name

    @property
    def is_continuous(self) -> bool:
        """Whether it is continuous wherever it is real."""
        return self.edge in ("", "kink", "root")
