"""A numerical oracle for verdicts that shares no code with the engines.

Evaluates a declaration at concrete sizes and points by walking its tree with numbers,
differentiates by central differences only, and tests the stationary Fokker-Planck equation itself,
sum_i d_i (rho v_i) = sum_ij d_i d_j (rho D_ij), on rho = exp(-H). Works with balls of python-flint
at 400 bits, so that a difference quotient is exact to some 35 digits, and with NumPy arrays for
quadrature. Unknown functions become random polynomials inside their assumptions.
"""

from __future__ import annotations

import itertools
import random
from fractions import Fraction
from typing import ClassVar

import numpy as np
from flint import arb, ctx, fmpq

from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.symbols import Parameter, Variable

BITS = 400
#: Step of central differences: their error is its square, 2^-120.
STEP = Fraction(1, 2**60)
#: What is below this is zero: differences of exactly vanishing residuals stay below 2^-80.
ZERO = 1e-15


class Real:
    """Functions of balls, and how a fraction becomes one."""

    functions: ClassVar = {
        "sqrt": arb.sqrt, "exp": arb.exp, "log": arb.log, "sin": arb.sin, "cos": arb.cos,
        "tan": arb.tan, "sinh": arb.sinh, "cosh": arb.cosh, "tanh": arb.tanh, "asinh": arb.asinh,
        "atan": arb.atan, "abs": abs, "erf": arb.erf, "loggamma": arb.lgamma,
        "sign": lambda x: arb(1) if x > 0 else arb(-1),
    }  # fmt: skip

    @staticmethod
    def number(value: Fraction):
        return arb(fmpq(value.numerator, value.denominator))


class Grid:
    """The same for NumPy arrays, for quadrature."""

    functions: ClassVar = {
        "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos,
        "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
        "atan": np.arctan, "abs": np.abs, "sign": np.sign,
    }  # fmt: skip

    @staticmethod
    def number(value: Fraction):
        return float(value)


class Scene:
    """Sizes, values of symbols and polynomials for unknown functions, drawn from a seed."""

    def __init__(self, dynamics, sizes, seed, field=Real):
        self.dynamics, self.sizes, self.field = dynamics, dict(sizes), field
        self.rng = random.Random(seed)
        for dim in dynamics.dimensions:
            if dim.size is not None:
                self.sizes[dim.name] = dim.size
        self.values = {}
        self.coefficients = {}
        for symbol in (*dynamics.variables, *dynamics.parameters):
            self.values[symbol.name] = self._draw(symbol)

    def indices(self, shape):
        return list(itertools.product(*(range(self.sizes[d.name]) for d in shape)))

    def fraction(self, positive=False):
        value = Fraction(self.rng.randint(-9, 9), self.rng.randint(4, 9))
        return abs(value) + Fraction(1, 5) if positive else value

    def _draw(self, symbol):
        if isinstance(symbol, Parameter):
            if symbol.value is not None:
                return {(): self.field.number(symbol.value)}
            entries = self._block(symbol.shape, symbol.assumptions)
        else:
            kind = {"positive": {"positive"}}.get(symbol.domain.kind, set())
            entries = self._block(symbol.shape, kind | ({symbol.symmetry} - {None}))
            if symbol.domain.kind == "interval":
                width = symbol.domain.upper - symbol.domain.lower
                entries = {
                    i: symbol.domain.lower + width * Fraction(self.rng.randint(1, 9), 10)
                    for i in entries
                }
        return {i: self.field.number(v) for i, v in entries.items()}

    def _block(self, shape, assumed):
        indices = self.indices(shape)
        if assumed & {"positive_definite", "positive_semidefinite"}:
            size = self.sizes[shape[0].name]
            low = {
                (i, j): self.fraction(positive=i == j) if j <= i else Fraction(0)
                for i, j in itertools.product(range(size), repeat=2)
            }
            return {(i, j): sum(low[i, k] * low[j, k] for k in range(size)) for i, j in indices}
        entries = {i: self.fraction(bool(assumed & {"positive", "nonnegative"})) for i in indices}
        if "symmetric" in assumed:
            return {i: entries[min(i, i[::-1])] for i in indices}
        if "antisymmetric" in assumed:
            sign = {True: 1, False: -1}
            return {
                i: Fraction(0) if i[0] == i[1] else sign[i[0] < i[1]] * entries[min(i, i[::-1])]
                for i in indices
            }
        return entries

    # ------------------------------------------------------------------ unknown functions

    def call(self, function, arguments):
        """Polynomials of degree three; squares where the function has to be positive."""
        assumed = function.assumptions
        indices = self.indices(function.shape)
        number = self.field.number
        if assumed & {"positive_definite", "positive_semidefinite"}:
            size = self.sizes[function.shape[0].name]
            low = {}
            for i, j in itertools.product(range(size), repeat=2):
                if j < i:
                    low[i, j] = self._polynomial((function.name, i, j), arguments)
                elif i == j:
                    low[i, j] = self._polynomial((function.name, i, j), arguments) ** 2 + number(
                        Fraction(1, 2)
                    )
            return {
                (i, j): sum(low[i, k] * low[j, k] for k in range(min(i, j) + 1)) for i, j in indices
            }
        values = {}
        for i in indices:
            key = min(i, i[::-1]) if assumed & {"symmetric", "antisymmetric"} else i
            value = self._polynomial((function.name, *key), arguments)
            if assumed & {"positive", "nonnegative"}:
                value = value**2 + number(Fraction(1, 3))
            if "antisymmetric" in assumed:
                value = value * (0 if i[0] == i[1] else 1 if i[0] < i[1] else -1)
            values[i] = value
        return values

    def _polynomial(self, key, arguments):
        if key not in self.coefficients:
            self.coefficients[key] = [
                [Fraction(self.rng.randint(-4, 4), 8) for _ in range(3)] for _ in arguments
            ] + [Fraction(self.rng.randint(-3, 3), 5)]
        *rows, coupling = self.coefficients[key]
        total = self.field.number(Fraction(1, 7))
        previous = None
        for (linear, square, cube), x in zip(rows, arguments, strict=True):
            n = self.field.number
            total = total + n(linear) * x + n(square) * x**2 + n(cube) * x**3
            if previous is not None:
                total = total + n(coupling) * previous * x
            previous = x
        return total

    # ------------------------------------------------------------------ the tree

    def value(self, node):
        """The entries of an expression, by index."""
        return _EVALUATE[type(node)](self, node)

    def scalar(self, node):
        return self.value(node)[()]

    def shifted(self, variable, index, amount):
        """A context in which one independent entry of a variable is moved."""
        block = dict(self.values[variable.name])
        mirror = index[::-1] if variable.symmetry else index
        block[index] = block[index] + amount
        if mirror != index:
            block[mirror] = block[mirror] + (
                amount if variable.symmetry == "symmetric" else -amount
            )
        return _Shift(self, variable.name, block)

    def derivative(self, function, variable, index):
        """Central difference by one entry; projected for a symmetric variable."""
        if variable.symmetry == "antisymmetric" and index[0] == index[1]:
            return 0
        step = self.field.number(STEP)
        with self.shifted(variable, index, step):
            ahead = function()
        with self.shifted(variable, index, -step):
            behind = function()
        weight = 4 if variable.symmetry and index[0] != index[1] else 2
        if isinstance(ahead, dict):
            return {k: (ahead[k] - behind[k]) / (weight * step) for k in ahead}
        return (ahead - behind) / (weight * step)


class _Shift:
    def __init__(self, scene, name, block):
        self.scene, self.name, self.block = scene, name, block

    def __enter__(self):
        self.kept = self.scene.values[self.name]
        self.scene.values[self.name] = self.block

    def __exit__(self, *_):
        self.scene.values[self.name] = self.kept


def _entrywise(scene, function, *nodes):
    parts = [scene.value(node) for node in nodes]
    shape = next((set(p) for p, node in zip(parts, nodes, strict=True) if node.shape), {()})
    return {i: function(*(p[i] if i in p else p[()] for p in parts)) for i in shape}


def _contract(scene, left, right, axes):
    a, b = scene.value(left), scene.value(right)
    out = {}
    for (i, p), (j, q) in itertools.product(a.items(), b.items()):
        if i[len(i) - axes :] == j[:axes]:
            key = i[: len(i) - axes] + j[axes:]
            out[key] = out[key] + p * q if key in out else p * q
    return out


def _power(scene, node):
    exponent = node.exponent
    if isinstance(exponent, ex.Number) and exponent.value.denominator == 1:
        return _entrywise(scene, lambda a: a ** int(exponent.value), node.base)
    log, exp = scene.field.functions["log"], scene.field.functions["exp"]
    return _entrywise(scene, lambda a, k: exp(log(a) * k), node.base, exponent)


def _inverse_and_determinant(scene, node):
    entries = scene.value(node)
    size = max(i for i, _ in entries) + 1
    rows = [
        [entries[i, j] for j in range(size)]
        + [scene.field.number(Fraction(i == j)) for j in range(size)]
        for i in range(size)
    ]  # fmt: skip
    determinant = scene.field.number(Fraction(1))
    for k in range(size):
        determinant = determinant * rows[k][k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(size):
            if i != k:
                factor = rows[i][k]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    inverse = {(i, j): rows[i][size + j] for i in range(size) for j in range(size)}
    return inverse, determinant


def _diag(scene, node):
    entries = scene.value(node.operand)
    if node.operand.ndim == 2:
        return {(i,): value for (i, j), value in entries.items() if i == j}
    zero = scene.field.number(Fraction(0))
    return {(i, j): entries[i,] if i == j else zero for i, j in scene.indices(node.shape)}


def _eye(scene, node):
    half = len(node.dims)
    number = scene.field.number
    return {i: number(Fraction(i[:half] == i[half:])) for i in scene.indices(node.shape)}


def _gradient(scene, node):
    out = {}
    for index in scene.indices(node.variable.shape):
        slope = scene.derivative(lambda: scene.value(node.operand), node.variable, index)
        for key in scene.indices(node.operand.shape):
            out[key + index] = slope[key] if isinstance(slope, dict) else slope
    return out


def _divergence(scene, node):
    kept = node.ndim
    out = {}
    for key, value in _gradient(scene, ex.Gradient(node.operand, node.variable)).items():
        rank = node.variable.ndim
        inner, by = key[kept : kept + rank], key[kept + rank :]
        if inner == by:
            out[key[:kept]] = out[key[:kept]] + value if key[:kept] in out else value
    return out


def _pi(scene, name):
    if scene.field is Grid:
        return {"pi": np.pi, "E": np.e}[name]
    return arb.pi() if name == "pi" else arb(1).exp()


_EVALUATE = {
    ex.Number: lambda s, node: {(): s.field.number(node.value)},
    ex.Constant: lambda s, node: {(): _pi(s, node.name)},
    ex.Size: lambda s, node: {(): s.field.number(Fraction(s.sizes[node.dim.name]))},
    Variable: lambda s, node: s.values[node.name],
    Parameter: lambda s, node: s.values[node.name],
    ex.Call: lambda s, node: s.call(
        node.function, [v for a in node.arguments for _, v in sorted(s.value(a).items())]
    ),
    ex.Sum: lambda s, node: _entrywise(s, lambda *a: sum(a[1:], a[0]), *node.terms),
    ex.Negation: lambda s, node: _entrywise(s, lambda a: -a, node.operand),
    ex.Product: lambda s, node: _entrywise(s, _multiply, *node.factors),
    ex.Quotient: lambda s, node: _entrywise(
        s, lambda a, b: a / b, node.numerator, node.denominator
    ),
    ex.Power: _power,
    ex.MatMul: lambda s, node: _contract(s, node.left, node.right, 1),
    ex.Dot: lambda s, node: _contract(s, node.left, node.right, node.left.ndim),
    ex.Outer: lambda s, node: _contract(s, node.left, node.right, 0),
    ex.Trace: lambda s, node: {(): sum(v for (i, j), v in s.value(node.operand).items() if i == j)},
    ex.Diag: _diag,
    ex.Eye: _eye,
    ex.Ones: lambda s, node: dict.fromkeys(s.indices(node.dims), s.field.number(Fraction(1))),
    ex.Inverse: lambda s, node: _inverse_and_determinant(s, node.operand)[0],
    ex.LogDet: lambda s, node: {
        (): s.field.functions["log"](_inverse_and_determinant(s, node.operand)[1])
    },
    ex.Transpose: lambda s, node: {
        tuple(i[k] for k in node.axes): v for i, v in s.value(node.operand).items()
    },
    ex.Gradient: _gradient,
    ex.Divergence: _divergence,
    ex.Elementwise: lambda s, node: _entrywise(s, s.field.functions[node.name], node.operand),
}


def _multiply(*factors):
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product


def residual(dynamics, sizes, seed):
    """The residual of the Fokker-Planck equation divided by rho; None where it is undefined.

    Every derivative is a central difference of rho v or rho D itself.
    """
    ctx.prec = BITS
    dynamics = dynamics.ito()
    scene = Scene(dynamics, sizes, seed)

    def density():
        return (-scene.scalar(dynamics.hamiltonian)).exp()

    try:
        here = density()
        total = arb(0)
        for x in dynamics.variables:
            for i in scene.indices(x.shape):
                total += _of(
                    scene, lambda x=x, i=i: density() * _entry(scene, dynamics, x, i), x, i
                )
        for (x, y), block in dynamics.blocks():
            for i, j in itertools.product(scene.indices(x.shape), scene.indices(y.shape)):

                def inner(block=block, y=y, i=i, j=j):
                    return _of(scene, lambda: density() * scene.value(block)[i + j], y, j)

                total -= _of(scene, inner, x, i)
        value = total / here
    except (ZeroDivisionError, KeyError, ValueError):
        return None
    return float(value.mid()) if value.is_finite() and float(value.rad()) < ZERO else None


def _of(scene, function, x, index):
    return scene.derivative(function, x, index)


def _entry(scene, dynamics, x, index):
    drift = dynamics.drift[x]
    entries = scene.value(drift)
    return entries[index] if drift.shape == x.shape else entries[()]


def is_stationary(dynamics, sizes=(1, 2, 3), seeds=3):
    """Whether the residual is zero at every random point; None where it cannot be evaluated.

    Returns:
        (verdict, the largest residual seen, the sizes it was seen at).
    """
    open_dims = [dim.name for dim in dynamics.dimensions if dim.size is None]
    seen, worst, where = 0, 0.0, None
    for n in sizes if open_dims else (1,):
        for seed in range(seeds):
            value = residual(dynamics, dict.fromkeys(open_dims, n), 1000 * n + seed)
            if value is not None:
                seen += 1
                if abs(value) > worst:
                    worst, where = abs(value), n
                if worst > ZERO:
                    return False, worst, where
    return (True if seen else None), worst, where


def marginal_spread(dynamics, points=3, seed=0):
    """Relative spread of exp(target) * integral of exp(-H) over the auxiliaries, at n = 1.

    By the trapezoidal rule on a grid, for at most two auxiliary coordinates on the real line.

    Returns:
        The spread over random values of the target variables, or None where that is not possible.
    """
    sizes = {dim.name: 1 for dim in dynamics.dimensions if dim.size is None}
    auxiliary = dynamics.auxiliary_variables
    if not 1 <= len(auxiliary) <= 2 or any(x.domain.kind != "real" for x in auxiliary):
        return None
    axis = np.linspace(-14.0, 14.0, 1401)
    grids = np.meshgrid(*[axis] * len(auxiliary), indexing="ij")
    weights = []
    scene = Scene(dynamics, sizes, seed, Grid)
    for k in range(points):
        for x in dynamics.target_variables:
            fresh = random.Random(31 * seed + k)
            low, high = _range(x)
            scene.values[x.name] = {i: fresh.uniform(low, high) for i in scene.indices(x.shape)}
        for x, grid in zip(auxiliary, grids, strict=True):
            scene.values[x.name] = dict.fromkeys(scene.indices(x.shape), grid)
        energy = scene.scalar(dynamics.hamiltonian) - scene.scalar(dynamics.target)
        values = np.broadcast_to(np.exp(-energy), grids[0].shape)
        edge = max(np.max(np.take(values, [0, -1], axis=a)) for a in range(values.ndim))
        if not np.all(np.isfinite(values)) or edge > 1e-9 * np.max(values):
            return None
        weights.append(float(values.sum()))
    return (max(weights) - min(weights)) / max(weights)


def _range(x):
    if x.domain.kind == "interval":
        return float(x.domain.lower), float(x.domain.upper)
    return (0.3, 1.5) if x.domain.kind == "positive" else (-1.2, 1.2)


def smallest_eigenvalue(dynamics, sizes=(1, 2), seeds=4):
    """The least eigenvalue of the symmetric part of D over random admissible points."""
    open_dims = [dim.name for dim in dynamics.dimensions if dim.size is None]
    least = np.inf
    for n in sizes if open_dims else (1,):
        for seed in range(seeds):
            scene = Scene(dynamics.ito(), dict.fromkeys(open_dims, n), 77 * n + seed, Grid)
            places = {}
            for x in dynamics.variables:
                for i in scene.indices(x.shape):
                    places[x.name, i] = len(places)
            matrix = np.zeros((len(places), len(places)))
            for (x, y), block in dynamics.ito().blocks():
                for key, value in scene.value(block).items():
                    row, column = key[: x.ndim], key[x.ndim :]
                    matrix[places[x.name, row], places[y.name, column]] = float(value)
            if np.all(np.isfinite(matrix)):
                least = min(least, float(np.linalg.eigvalsh((matrix + matrix.T) / 2).min()))
    return least
