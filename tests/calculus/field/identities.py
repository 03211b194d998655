"""Expressions that vanish wherever they are defined and real, and near misses that do not."""

import sympy as sp

x, y = sp.symbols("x y", real=True)
a, b = sp.symbols("a b")
p, q = sp.symbols("p q", positive=True)

#: Each vanishes identically; SymPy's own evaluation leaves it alone.
ZERO = (
    sp.Abs(x) * sp.Abs(y) - sp.Abs(x * y),
    sp.Max(x, y) + sp.Min(x, y) - x - y,
    sp.Max(x, y, 1) - sp.Max(x, sp.Max(y, 1), evaluate=False),
    sp.Max(x, sp.Min(y, a)) - sp.Min(sp.Max(x, y), sp.Max(x, a)),
    sp.Abs(x) + sp.Abs(y) - sp.Max(sp.Abs(x + y), sp.Abs(x - y)),
    sp.Abs(sp.Abs(x) - 1) - sp.Max(sp.Abs(x) - 1, 1 - sp.Abs(x)),
    sp.Max(0, x) * sp.Max(0, -1 - x),
    sp.sign(x) * sp.Abs(x) - x,
    sp.sign(x - y) ** 2 - 1,
    sp.sqrt(x**2 + 2 * x + 1) - sp.Abs(x + 1),
    sp.sqrt(x * y) - sp.sqrt(x) * sp.sqrt(y),
    sp.sqrt(x * y) - sp.sqrt(-x) * sp.sqrt(-y),
    (x**3) ** sp.Rational(1, 3) - x,
    sp.log(x * y) - sp.log(x) - sp.log(y),
    sp.log(x**2 - 1) - sp.log(x - 1) - sp.log(x + 1),
    sp.log(6) - sp.log(2) - sp.log(3),
    sp.log(1 - sp.cos(x) ** 2) - 2 * sp.log(sp.Abs(sp.sin(x))),
    sp.log(10**40 * x) - sp.log(x) - 40 * sp.log(10),
    x**a * x**b - x ** (a + b),
    (p * q) ** a - p**a * q**a,
    (x**2 + 2 * x + 1) ** a - sp.Abs(x + 1) ** (2 * a),
    x**y - sp.exp(y * sp.log(x)),
    sp.exp((x + y) ** 2) - sp.exp(x**2) * sp.exp(2 * x * y) * sp.exp(y**2),
    sp.exp(x + sp.exp(x)) - sp.exp(x) * sp.exp(sp.exp(x)),
    1 / (1 + sp.exp(-x)) - sp.exp(x) / (1 + sp.exp(x)),
    sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1,
    sp.tanh(x) - sp.sinh(x) / sp.cosh(x),
    sp.tanh(x + y) * (1 + sp.tanh(x) * sp.tanh(y)) - sp.tanh(x) - sp.tanh(y),
    sp.sin(2 * x) - 2 * sp.sin(x) * sp.cos(x),
    sp.sin(3 * x) - 3 * sp.sin(x) + 4 * sp.sin(x) ** 3,
    sp.tan(x + y) - (sp.tan(x) + sp.tan(y)) / (1 - sp.tan(x) * sp.tan(y)),
    sp.tan(x / 2) - sp.sin(x) / (1 + sp.cos(x)),
    sp.sin(x + sp.pi / 4) - (sp.sin(x) + sp.cos(x)) / sp.sqrt(2),
    sp.sin(sp.pi * x + sp.pi / 12)
    - sp.sin(sp.pi * x) * (sp.sqrt(6) + sp.sqrt(2)) / 4
    - sp.cos(sp.pi * x) * (sp.sqrt(6) - sp.sqrt(2)) / 4,
    sp.tan(x + sp.Rational(3, 2)) - 2 * sp.sin(x + sp.Rational(3, 2)) ** 2 / sp.sin(2 * x + 3),
    sp.asinh((y - x) / (1 + (x - y) ** 2)) - sp.asinh((y - x) / (1 + x**2 - 2 * x * y + y**2)),
    sp.erf(x - y) + sp.erf(y - x),
    sp.exp(sp.cos(x)) - sp.exp((1 - sp.tan(x / 2) ** 2) / (1 + sp.tan(x / 2) ** 2)),
    1 / sp.sin(x) ** 2 - 1 - sp.cot(x) ** 2,
    sp.asinh(x) - sp.log(x + sp.sqrt(x**2 + 1)),
    sp.atanh(x) - sp.log((1 + x) / (1 - x)) / 2,
    x / (x + 1) + 1 / (x + 1) - 1,
    (x + 1) ** (10**9) * (x + 2) - (x + 1) ** (10**9 + 1) - (x + 1) ** (10**9),
    sp.Heaviside(x) - (1 + sp.sign(x)) / 2,
)

#: Each is not zero somewhere, though it is close to an identity.
NOT_ZERO = (
    sp.sqrt(x**2) - x,
    sp.Abs(x) + sp.Abs(y) - sp.Abs(x + y),
    sp.Max(x, y) - x,
    sp.Max(x, y, 1) - sp.Max(x, y),
    sp.Abs(x) + sp.Abs(y) - sp.Max(sp.Abs(x), sp.Abs(x - y)),
    sp.Max(0, x) * sp.Max(0, 1 - x),
    sp.sqrt(x**2 + y**2) - sp.Abs(x) - sp.Abs(y),
    sp.log(sp.Abs(x) + 1) - sp.log(sp.Abs(x)),
    sp.log(7) - sp.log(2) - sp.log(3),
    x**a * x**b - x ** (a * b),
    sp.exp(x) * sp.exp(y) - sp.exp(x * y),
    sp.sin(2 * x) - 2 * sp.sin(x),
    sp.tan(x + y) - (sp.tan(x) + sp.tan(y)) / (1 + sp.tan(x) * sp.tan(y)),
    sp.cos(sp.pi * x / 7 + sp.pi / 7),
    sp.tanh(x) - sp.sinh(x) * sp.cosh(x),
    sp.atan(x) + sp.atan(1 / x),
    sp.erf(x) - sp.tanh(x),
    sp.loggamma(x + 2) - sp.loggamma(x + 1) - sp.log(x + 2),
    sp.exp(sp.exp(sp.exp(x))) - 1,
    (x + 1) ** (10**9) - x,
    x ** sp.Rational(1, 3) - x ** sp.Rational(1, 2),
)
