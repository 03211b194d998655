"""The elementary functions: one record each, the only place that names most of them.

Adding a function means adding one record here; the grammar, the printers, SymPy, the index
calculus, the differential field, the order theory, the signs, the smoothness and growth tests, the
witnesses and JAX read it. Not for what a field of a record means (`record`).

Checked by: tests/declaration/functions/test_records.py.
"""

from __future__ import annotations

from sdekit.declaration.functions.record import (
    ELSEWHERE,
    INSIDE,
    NONZERO,
    POSITIVE,
    ElementaryFunction,
)

_RECORDS = (
    ElementaryFunction(
        "sqrt", "Square root, entry by entry.", "1/(2*sqrt(u))",
        smooth=POSITIVE, inside="u", edge="root", sign="nonnegative", growth="root",
        is_increasing=True, ball="sqrt", sympy="sqrt", jax="jax.numpy.sqrt",
        latex=r"\sqrt{%s}", unicode="√(%s)",
    ),
    ElementaryFunction(
        "exp", "Exponential, entry by entry.", "exp(u)", sign="positive", is_increasing=True,
        exact=((0, 1),), ball="exp", sympy="exp", jax="jax.numpy.exp", latex=r"\exp\left(%s\right)",
    ),
    ElementaryFunction(
        "log", "Natural logarithm, entry by entry.", "1/u",
        smooth=POSITIVE, inside="u", edge="pole", is_increasing=True, exact=((1, 0),),
        ball="log", sympy="log", jax="jax.numpy.log", latex=r"\log\left(%s\right)",
    ),
    ElementaryFunction(
        "sin", "Sine, entry by entry.", "cos(u)", parity="odd", bounds=(-1, 1), growth="bounded",
        tail="oscillates", exact=((0, 0),), ball="sin", sympy="sin", jax="jax.numpy.sin",
        latex=r"\sin\left(%s\right)",
    ),
    ElementaryFunction(
        "cos", "Cosine, entry by entry.", "-sin(u)", parity="even", bounds=(-1, 1),
        growth="bounded", tail="oscillates", exact=((0, 1),), ball="cos", sympy="cos",
        jax="jax.numpy.cos", latex=r"\cos\left(%s\right)",
    ),
    ElementaryFunction(
        "tan", "Tangent, entry by entry.", "1 + tan(u)**2", smooth=ELSEWHERE, edge="pole",
        parity="odd", exact=((0, 0),), ball="tan", sympy="tan", jax="jax.numpy.tan",
        latex=r"\tan\left(%s\right)",
    ),
    ElementaryFunction(
        "sinh", "Hyperbolic sine, entry by entry.", "cosh(u)", parity="odd", sign="argument",
        is_increasing=True, exact=((0, 0),), ball="sinh", sympy="sinh", jax="jax.numpy.sinh",
        latex=r"\sinh\left(%s\right)",
    ),
    ElementaryFunction(
        "cosh", "Hyperbolic cosine, entry by entry.", "sinh(u)", parity="even", sign="positive",
        exact=((0, 1),), ball="cosh", sympy="cosh", jax="jax.numpy.cosh",
        latex=r"\cosh\left(%s\right)",
    ),
    ElementaryFunction(
        "tanh", "Hyperbolic tangent, entry by entry.", "1 - tanh(u)**2", parity="odd",
        sign="argument", bounds=(-1, 1), growth="bounded", tail="1", is_increasing=True,
        exact=((0, 0),), ball="tanh", sympy="tanh", jax="jax.numpy.tanh",
        latex=r"\tanh\left(%s\right)",
    ),
    ElementaryFunction(
        "asinh", "Inverse hyperbolic sine, entry by entry.", "(1 + u**2)**(-1/2)",
        logarithm="log(u + sqrt(u**2 + 1))", parity="odd", sign="argument", growth="linear",
        tail="logarithm", is_increasing=True, exact=((0, 0),), ball="asinh", sympy="asinh",
        jax="jax.numpy.arcsinh", latex=r"\operatorname{asinh}\left(%s\right)",
    ),
    ElementaryFunction(
        "atan", "Inverse tangent, entry by entry.", "1/(1 + u**2)", parity="odd", sign="argument",
        growth="bounded", tail="pi/2", is_increasing=True, exact=((0, 0),), ball="atan",
        sympy="atan", jax="jax.numpy.arctan", latex=r"\operatorname{atan}\left(%s\right)",
    ),
    ElementaryFunction(
        "abs", "Absolute value, entry by entry; `abs` in model files.", "sign(u)", python="abs_",
        smooth=NONZERO, edge="kink", parity="even", sign="nonnegative", growth="linear",
        sympy="Abs", jax="jax.numpy.abs", latex=r"\left|%s\right|", unicode="|%s|",
    ),
    ElementaryFunction(
        "sign", "Sign (-1, 0 or 1), entry by entry.", "0", smooth=NONZERO, edge="jump",
        parity="odd", sign="argument", bounds=(-1, 1), growth="bounded", tail="1",
        sympy="sign", jax="jax.numpy.sign", latex=r"\operatorname{sign}\left(%s\right)",
    ),
    ElementaryFunction(
        "erf", r"Error function $2\pi^{-1/2}\int_0^x e^{-t^2} dt$, entry by entry.",
        "2*exp(-u**2)/sqrt(pi)", parity="odd", sign="argument", bounds=(-1, 1), growth="bounded",
        tail="1", is_increasing=True, exact=((0, 0),), ball="erf", sympy="erf",
        jax="jax.scipy.special.erf", latex=r"\operatorname{erf}\left(%s\right)",
    ),
    ElementaryFunction(
        "loggamma", r"$\log\Gamma(x)$ for x > 0, entry by entry.", "digamma(u)", smooth=POSITIVE,
        inside="u", edge="pole", ball="lgamma", sympy="loggamma",
        jax="jax.scipy.special.gammaln", latex=r"\log \Gamma\left(%s\right)",
    ),
    ElementaryFunction(
        "relu", "The positive part max(x, 0), entry by entry.", "(1 + sign(u))/2",
        definition="(u + abs(u))/2", smooth=NONZERO, edge="kink", sign="nonnegative",
        growth="linear", jax="jax.nn.relu",
        latex=r"\operatorname{relu}\left(%s\right)",
    ),
    ElementaryFunction(
        "softplus", "log(1 + exp(x)), a smooth positive part, entry by entry.", "1/(1 + exp(-u))",
        definition="log(1 + exp(u))", sign="positive", growth="linear", is_increasing=True,
        jax="jax.nn.softplus", latex=r"\operatorname{softplus}\left(%s\right)",
    ),
    # From here on functions that models do not name: they come with SymPy or as derivatives.
    ElementaryFunction(
        "gamma", "Gamma function.", "gamma(u)*digamma(u)", is_word=False, smooth=POSITIVE,
        edge="pole", ball="gamma", sympy="gamma", latex=r"\Gamma\left(%s\right)",
    ),
    ElementaryFunction(
        "digamma", "Derivative of log Gamma.", "", is_word=False, smooth=POSITIVE, inside="u",
        edge="pole", ball="digamma", sympy="polygamma", sympy_leading=(0,),
        jax="jax.scipy.special.digamma", latex=r"\psi\left(%s\right)",
    ),
    ElementaryFunction(
        "erfc", "Complementary error function.", "-2*exp(-u**2)/sqrt(pi)", is_word=False,
        sign="positive", bounds=(0, 2), growth="bounded", exact=((0, 1),), ball="erfc",
        sympy="erfc", jax="jax.scipy.special.erfc", latex=r"\operatorname{erfc}\left(%s\right)",
    ),
    ElementaryFunction(
        "asin", "Inverse sine.", "(1 - u**2)**(-1/2)", is_word=False, smooth=INSIDE,
        inside="1 - u**2", edge="root", parity="odd", sign="argument", growth="bounded",
        is_increasing=True, exact=((0, 0),), ball="asin", sympy="asin", jax="jax.numpy.arcsin",
        latex=r"\operatorname{asin}\left(%s\right)",
    ),
    ElementaryFunction(
        "acos", "Inverse cosine.", "-(1 - u**2)**(-1/2)", is_word=False, smooth=INSIDE,
        inside="1 - u**2", edge="root", sign="nonnegative", growth="bounded", exact=((1, 0),),
        ball="acos", sympy="acos", jax="jax.numpy.arccos",
        latex=r"\operatorname{acos}\left(%s\right)",
    ),
    ElementaryFunction(
        "acosh", "Inverse hyperbolic cosine.", "1/(sqrt(u - 1)*sqrt(u + 1))", is_word=False,
        logarithm="log(u + sqrt(u - 1)*sqrt(u + 1))", smooth=INSIDE, inside="u - 1", edge="root",
        sign="nonnegative", growth="linear", is_increasing=True, exact=((1, 0),), ball="acosh",
        sympy="acosh", jax="jax.numpy.arccosh", latex=r"\operatorname{acosh}\left(%s\right)",
    ),
    ElementaryFunction(
        "atanh", "Inverse hyperbolic tangent.", "1/(1 - u**2)", is_word=False,
        logarithm="(log(1 + u) - log(1 - u))/2", smooth=INSIDE, inside="1 - u**2", edge="pole",
        parity="odd", sign="argument", is_increasing=True, exact=((0, 0),), ball="atanh",
        sympy="atanh", jax="jax.numpy.arctanh", latex=r"\operatorname{atanh}\left(%s\right)",
    ),
    ElementaryFunction(
        # SymPy's branch: acot(u) = atan(1/u), which jumps at 0.
        "acot", "Inverse cotangent, atan(1/u).", "-1/(1 + u**2)", is_word=False, smooth=NONZERO,
        edge="jump", sign="argument, no zero", growth="bounded", sympy="acot",
        latex=r"\operatorname{acot}\left(%s\right)",
    ),
    *(
        ElementaryFunction(
            name, f"One over {partner}.", "", is_word=False, reciprocal_of=partner, smooth=smooth,
            edge=edge, sign=sign, sympy=name, latex=rf"\operatorname{{{name}}}\left(%s\right)",
        )
        for name, partner, smooth, edge, sign in (
            ("cot", "tan", ELSEWHERE, "pole", ""),
            ("sec", "cos", ELSEWHERE, "pole", ""),
            ("csc", "sin", ELSEWHERE, "pole", ""),
            ("coth", "tanh", NONZERO, "pole", "argument, no zero"),
            ("sech", "cosh", "everywhere", "", "positive"),
            ("csch", "sinh", NONZERO, "pole", "argument, no zero"),
        )
    ),
)  # fmt: skip

#: All records by name, and by the name of their class in SymPy.
FUNCTIONS: dict[str, ElementaryFunction] = {record.name: record for record in _RECORDS}
BY_SYMPY: dict[str, ElementaryFunction] = {
    record.sympy: record for record in _RECORDS if record.sympy
}


def is_word(name: str) -> bool:
    """Whether the name is a function that a model may use."""
    record = FUNCTIONS.get(name)
    return record is not None and record.is_word


def words() -> tuple[str, ...]:
    """The functions that a model may use."""
    return tuple(name for name, record in FUNCTIONS.items() if record.is_word)
