"""A model: what it declares, the formulas of its trees, and the signs that are seen of them.

Standard library only. Signs are seen without search: term by term, entry by entry; of a quadratic
form by a mirror image of its factors (Schur: products of positive semidefinite kernels are such).
"""

import itertools
import json
import re
from fractions import Fraction as Q

if __package__:
    from sdekit.certificates.checker.index_ring import ONE, IndexRing, Refused, need, ones, plus
else:  # run as a program from its folder, without the package
    from index_ring import ONE, IndexRing, Refused, need, ones, plus

POSITIVE, NONNEGATIVE, UNKNOWN = 2, 1, 0
SIGNS = {"positive": POSITIVE, "nonnegative": NONNEGATIVE}
FORMS = {"positive_definite": POSITIVE, "positive_semidefinite": NONNEGATIVE}
SYMMETRIES = {"symmetric", "antisymmetric"}
WORDS = {*SIGNS, *FORMS, *SYMMETRIES, "even", "convex", "bounded", "lipschitz", "coercive"}
DOMAINS = {kind: {"kind"} for kind in ("real", "positive", "circle")}
DOMAINS["interval"] = {"kind", "lower", "upper"}
#: What symbols of each role may have beside a role, a shape and a symmetry.
PARTS = {"variable": {"domain"}, "parameter": {"assumptions"}, "function": {"of", "assumptions"}}
EXACT, NAME = r"-?[0-9]{1,60}(/0*[1-9][0-9]{0,59})?", r"[A-Za-z][A-Za-z0-9_]*"


def number(text):
    need(isinstance(text, str) and re.fullmatch(EXACT, text), f"{text!r:.80} is no number")
    return Q(text)


def listed(names, known):
    """A list of names that are known, once it has been looked through."""
    need(isinstance(names, list) and all(n in known for n in names), f"{names!r:.80} in a list")
    return names


def indices(factors):
    return {i for (_, ix), _ in factors for i in ix}


class Model(IndexRing):
    """The model at sizes; `choice` puts trees in the place of unknown functions."""

    def __init__(self, model, sizes, choice=None):
        self.model, self.choice, self.memo = model, choice or {}, {}
        dimensions, symbols = model["dimensions"], model["symbols"]
        for d, n in sizes.items():
            need(d in dimensions and dimensions[d] in (None, n), f"the size of {d}")
        fixed = {d: n for d, n in {**dimensions, **sizes}.items() if n is not None}
        need(all(type(n) is int and n > 0 for n in (*fixed.values(), *sizes.values())), "the sizes")
        super().__init__(symbols, fixed)
        need(all(re.fullmatch(NAME, n) for n in (*dimensions, *symbols)), "the names")
        roles = [(name, symbol["role"]) for name, symbol in symbols.items()]
        self.variables = [x for x, role in roles if role == "variable"]
        self.functions = [f for f, role in roles if role == "function" and f not in self.choice]
        need(self.variables and {*self.variables} == {*model["drift"]}, "the variables")
        for name in symbols:
            self.look_through(name, **symbols[name])
        self.drift = {x: self.formula(model["drift"][x], x) for x in self.variables}
        self.trees = {(x, y): tree for x, y, tree in model["diffusion"]}
        pairs = [*itertools.product(self.variables, repeat=2)]
        need({*self.trees} <= {*pairs} and len(self.trees) == len(model["diffusion"]), "a block")
        written = {pair: self.formula(tree, *pair) for pair, tree in self.trees.items()}
        self.blocks = {pair: written.get(pair, {}) for pair in pairs}
        self.energy, self.target = map(self.formula, (model["hamiltonian"], model["target"]))
        self.stay = listed(model["target_variables"], self.variables)
        self.auxiliary = [x for x in self.variables if x not in self.stay]
        need(self.stay and not self.depends(self.target, *self.auxiliary), "a target's variables")

    def look_through(self, name, role, shape, symmetry=None, **more):
        """Whether one symbol is declared as the rest of the checker takes for granted."""
        words = {*listed(more.get("assumptions", []), WORDS)}
        domain, is_square = self.domain(name), len(shape) == 2 and shape[0] == shape[1]
        need({*more} <= PARTS[role], f"the parts of {name}")
        listed(shape, self.model["dimensions"])
        need(symmetry is None or (symmetry in SYMMETRIES and is_square), f"the shape of {name}")
        is_said = role == "variable" or words & SYMMETRIES == {symmetry} - {None}
        need(is_said or len(shape) != 2, f"the symmetry of {name}")
        need(not words & {*FORMS} or symmetry == "symmetric", f"{name} is no symmetric matrix")
        need({*domain} == DOMAINS[domain["kind"]], f"the domain of {name}")
        if domain["kind"] == "interval":
            need(number(domain["lower"]) < number(domain["upper"]), f"the domain of {name}")
        is_free = domain["kind"] == "real" and not words & {*SIGNS}
        need(symmetry != "antisymmetric" or is_free, f"the domain of {name}")
        need(role != "function" or listed(more["of"], self.variables), f"the arguments of {name}")

    def dims(self, *names):
        return tuple(d for name in names for d in self.symbols[name]["shape"])

    def domain(self, x):
        return self.symbols[x].get("domain", {"kind": "real"})

    def chosen(self, choice):
        """The model for a choice of its unknown functions that has what is declared of them."""
        need({*choice} == {*self.functions}, "a function is not chosen")
        for f, tree in choice.items():
            a, declared = self.formula(tree, f), {*self.symbols[f].get("assumptions", ())}
            others = {*self.variables} - {*self.symbols[f]["of"]}
            need(not self.depends(a, *self.functions, *others), f"the arguments of {f}")
            seen = {word for word, least in SIGNS.items() if self.sign(a) >= least}
            if len(self.dims(f)) == 2:
                form, turned = self.pairs_sign(a, {0: 1}), self.moved(a, {0: 1, 1: 0})
                seen |= {word for word, least in FORMS.items() if form >= least}
                seen |= {"symmetric"} if self.is_zero(plus(a, turned, -1)) else set()
                seen |= {"antisymmetric"} if self.is_zero(plus(a, turned)) else set()
            need(declared <= seen, f"what is declared of {f}")
        return Model(self.model, self.fixed, choice)

    def is_admissible(self, name, jet, at, value):
        """Whether it is strictly inside what is declared; definite matrices are diagonal."""
        words, domain = {*self.symbols[name].get("assumptions", ())}, self.domain(name)
        is_free = jet or (not words & {*SIGNS} and domain["kind"] != "positive")
        is_inside = domain["kind"] != "interval" or Q(domain["lower"]) < value < Q(domain["upper"])
        is_any = jet or not words & {*FORMS}
        is_diagonal = is_any or (value > 0 if at[0] == at[1] else value == 0)
        is_known = words <= {*SIGNS, *FORMS, *SYMMETRIES}
        return is_known and (is_free or value > 0) and is_inside and is_diagonal

    # Trees

    def formula(self, tree, *names):
        """Of a tree with the shape of these symbols, one after the other."""
        dims, out = self.value(tree)
        need(dims == self.dims(*names), f"the shape of {tree!r:.80}")
        return out

    def value(self, tree):
        """(dimensions, formula) of a tree."""
        need(isinstance(tree, list) and len(tree) > 1, f"{tree!r:.80} is no tree")
        key = json.dumps(tree)
        if key not in self.memo:
            dims, formula = self.compute(tree)
            self.memo[key] = tuple(dims), formula
        return self.memo[key]

    def compute(self, tree):
        match tree:
            case ["number", text]:
                return (), plus({}, {(): number(text)})
            case ["size", d]:
                return (), self.total([(ones(listed([d], self.model["dimensions"]), [-1]), Q(1))])
            case ["symbol", name] if name in self.choice:
                return self.value(self.choice[name])
            case ["symbol", name]:
                dims = self.dims(*listed([name], self.symbols))
                key = ("symbol", name, ()), tuple(range(len(dims)))
                return dims, self.total([([(key, 1)], Q(1))])
            case ["eye" | "ones" as op, dims]:
                listed(dims, self.model["dimensions"])
                return (dims * 2, self.eye(dims)) if op == "eye" else (dims, ONE)
            case ["sum" | "product" as op, first, *rest]:
                dims, out = self.value(first)
                for own, formula in map(self.value, rest):
                    need(own == dims or (op == "product" and not (own and dims)), "unequal shapes")
                    dims = dims or own
                    out = plus(out, formula) if op == "sum" else self.times(out, formula)
                return dims, out
            case ["function", name, inner]:
                dims, a = self.value(inner)
                return dims, self.function(name, dims, a)
            case ["contract", left, right, int(axes)]:
                return self.contracted(*self.value(left), *self.value(right), axes)
        return self.of_one(*tree)

    def of_one(self, op, inner, *more):
        """(dimensions, formula) of an operation on one formula."""
        dims, a = self.value(inner)
        rank = len(dims)
        match op, *more:
            case ["power", e]:
                return dims, self.raised(dims, a, number(e))
            case ["inverse" | "logdet"]:
                return (dims if op == "inverse" else ()), self.matrix(op, dims, a)
            case ["transpose", axes]:
                need(sorted(axes) == list(range(rank)), "the axes of a transpose")
                return [dims[k] for k in axes], self.moved(a, {k: i for i, k in enumerate(axes)})
            case ["diag"] if rank == 1:
                return dims * 2, self.times(a, self.eye(dims))
            case ["diag" | "trace"]:
                need(rank == 2 and dims[0] == dims[1], "a square matrix")
                if op == "diag":
                    return dims[:1], self.moved(a, {0: 0, 1: 0})
                return (), self.moved(a, {0: -1, 1: -1}, ones(dims, [-1]))
            case ["grad" | "div", x]:
                own = self.dims(*listed([x], self.variables))
                if op == "grad":
                    return dims + own, self.derivative(a, x, rank)
                need(dims[rank - len(own) :] == own, "a divergence")
                return dims[: rank - len(own)], self.divergence(a, x, rank)
        raise Refused(f"the operation {op!r:.80}")

    def eye(self, dims):
        pairs = [((("delta", d, ()), (k, len(dims) + k)), 1) for k, d in enumerate(dims)]
        return {tuple(sorted(pairs)): Q(1)}

    def contracted(self, dims, a, other, b, axes):
        cut = len(dims) - axes
        need(0 <= axes <= len(dims) and dims[cut:] == other[:axes], "a contraction")
        left = {cut + k: -500 - k for k in range(axes)}
        right = {k: -500 - k if k < axes else cut + k - axes for k in range(len(other))}
        met = ones(dims[cut:], left.values())
        return dims[:cut] + other[axes:], self.times(a, b, left, right, met)

    # Calculus

    def divergence(self, a, x, rank):
        """Over the last of the free indices, which are those of x."""
        own = len(self.dims(x))
        ends = {rank - own + k: -1 - k % own for k in range(2 * own)}
        return self.moved(self.derivative(a, x, rank), ends, ones(self.dims(x), ends.values()))

    def gradient(self, a, *names):
        for k, x in enumerate(names):
            a = self.derivative(a, x, len(self.dims(*names[:k])))
        return a

    def pair(self, a, b, *names):
        """The scalar product of two formulas with the indices of these variables."""
        dims = self.dims(*names)
        return self.contracted(dims, a, dims, b, len(dims))[1]

    def current(self, x):
        """v - div D + D grad H: exp(H) times the probability current of x."""
        out, rank = self.drift[x], len(self.dims(x))
        for y in self.variables:
            block, own, slope = self.blocks[x, y], self.dims(y), self.gradient(self.energy, y)
            out = plus(out, self.divergence(block, y, rank + len(own)), -1)
            out = plus(out, self.contracted(self.dims(x, y), block, own, slope, len(own))[1])
        return out

    def residual(self):
        """div J - J . grad H of the current J; zero exactly where exp(-H) is stationary."""
        out = {}
        for x in self.variables:
            current = self.current(x)
            out = plus(out, self.divergence(current, x, len(self.dims(x))))
            out = plus(out, self.pair(current, self.gradient(self.energy, x), x), -1)
        return out

    def generator(self, a):
        """L a = v . grad a + D : grad grad a."""
        out = {}
        for x in self.variables:
            out = plus(out, self.pair(self.drift[x], self.gradient(a, x), x))
        for (x, y), block in self.blocks.items():
            out = plus(out, self.pair(block, self.gradient(a, x, y), x, y))
        return out

    # Signs

    def declared(self, head, table):
        words = self.symbols[head[1]].get("assumptions", ()) if head[0] == "symbol" else ()
        return max([UNKNOWN, *(table.get(word, 0) for word in words if not head[2])])

    def entry_sign(self, key, e):
        """Of one factor, whatever its indices are, where it is defined."""
        head, kind = key[0], key[0][0]
        sign = POSITIVE if kind in ("exp", "size") else NONNEGATIVE * (kind == "delta")
        if kind == "power":
            sign = self.sign(self.inside(key))
        if kind == "symbol" and not head[2]:
            domain = self.domain(head[1])
            is_above = domain["kind"] == "positive" or Q(domain.get("lower", -1)) >= 0
            sign = POSITIVE if is_above else self.declared(head, SIGNS)
        if sign == UNKNOWN and (Q(e).denominator % 2 == 0 or e % 2 == 0):
            sign = NONNEGATIVE
        return POSITIVE if sign == NONNEGATIVE and e < 0 else sign

    def matrix_sign(self, head):
        """Of a symbol that is declared definite, or of its inverse."""
        base = self.base(head)
        sign = self.declared(base or head, FORMS) if len(self.slots(head)) == 2 else UNKNOWN
        return sign if sign == POSITIVE or not base else UNKNOWN

    def sign(self, a):
        """Of a formula, entry by entry: POSITIVE, NONNEGATIVE or UNKNOWN, inside the domain."""
        signs = [self.term_sign(term, c) for term, c in a.items()]
        if all(signs):
            return max(signs, default=NONNEGATIVE)
        for x in self.variables:  # c + d x on an interval: by the values at its ends
            key, domain = (((("symbol", x, ()), ()), 1),), self.domain(x)
            if key in a and {*a} <= {(), key} and domain["kind"] == "interval":
                ends = [Q(domain[end]) for end in ("lower", "upper")]
                return POSITIVE if all(a.get((), 0) + a[key] * end >= 0 for end in ends) else 0
        return UNKNOWN

    def has_floor(self, a):
        """Whether a scalar is above a positive constant: no term is negative, one is constant."""
        constant = {t: c for t, c in a.items() if not self.depends({t: c}, *self.variables)}
        signs = [self.term_sign(t, c) for t, c in a.items()]
        return all(signs) and self.sign(constant) == POSITIVE

    def term_sign(self, term, c):
        signs = [self.entry_sign(*f) for f in term]
        return min([POSITIVE, *signs]) if c > 0 and all(signs) else self.kernel_sign(term, c, {})

    def pairs_sign(self, a, pairs):
        signs = [self.kernel_sign(t, c, pairs) for t, c in a.items()]
        return max(signs, default=NONNEGATIVE) if all(signs) else UNKNOWN

    def kernel_sign(self, term, c, pairs):
        """Of sum x_row x_column c * term over the pairs row: column; POSITIVE where definite."""
        # At a delta of both row and column are one index, over which x^2 is summed.
        deltas = [f for f in term if f[0][0][0] == "delta" and pairs.get(f[0][1][0]) == f[0][1][1]]
        pairs = {a: b for a, b in pairs.items() if a not in [f[0][1][0] for f in deltas]}
        weights = [f for f in term if f not in deltas and self.entry_sign(*f)]
        rest = [f for f in term if f not in deltas and f not in weights]
        if c <= 0 or any(e != 1 for _, e in rest):
            return UNKNOWN
        kernels = [f for f in rest if self.matrix_sign(f[0][0])][:6]
        for ways in itertools.product((0, 1, -1), repeat=len(kernels)):
            used = [f for f, way in zip(kernels, ways) if way]
            joined = [f[0][1][::way] for f, way in zip(kernels, ways) if way]
            both, left = {**pairs, **dict(joined)}, [f for f in rest if f not in used]
            is_matching = {*both.items()} == {*pairs.items(), *joined}
            if is_matching and self.is_mirrored(left, both, indices(weights)):
                signs = [self.entry_sign(*f) for f in weights]
                signs += [self.matrix_sign(f[0][0]) for f in used]
                is_definite = not left and {*pairs.items()} == {*joined}
                return min([POSITIVE, *signs]) if is_definite else NONNEGATIVE
        return UNKNOWN

    def is_mirrored(self, factors, pairs, shared):
        """Whether the factors are f(rows) f(columns), all other indices that meet being shared."""
        rows, columns = {*pairs}, {*pairs.values()}
        if len(rows | columns) < 2 * len(pairs) or (rows | columns) & shared or len(factors) > 8:
            return False
        for half in itertools.combinations(factors, len(factors) // 2):
            other = [f for f in factors if f not in half]
            if len(other) != len(half) or indices(half) & columns or indices(other) & rows:
                continue
            met = shared | (indices(half) & indices(other))
            names = {i: 1000 + k for k, i in enumerate(sorted(met))}
            names |= {i: 2000 + k for k, pair in enumerate(pairs.items()) for i in pair}
            images = []
            for part in half, other:
                move = [((h, tuple(names.get(i, i) for i in ix)), e) for (h, ix), e in part]
                images.append(self.total([(move, Q(1))]))
            if images[0] == images[1]:
                return True
        return False

    def form_sign(self, a, x):
        """Of sum z a z over z with the shape and symmetry of x."""
        rank, signs = len(self.dims(x)), []
        if not rank:
            return self.sign(a)
        for t, c in a.items():  # of a symmetric matrix z_ij z_kl = z_ij z_lk
            is_even = self.symbols[x].get("symmetry") == "symmetric"
            ways = [{t: c}, self.moved({t: c}, {2: 3, 3: 2})][: 1 + is_even]
            pairs = {k: rank + k for k in range(rank)}
            signs.append(max(self.pairs_sign(way, pairs) for way in ways))
        return max(signs, default=NONNEGATIVE) if all(signs) else UNKNOWN

    def tree_sign(self, tree):
        """As `Model.sign`, and factor by factor as the formula is written."""
        op, *args = tree
        found = self.sign(self.value(tree)[1])
        if op == "product":
            return max(found, min(self.tree_sign(part) for part in args))
        if op == "power" and found < POSITIVE:
            e = number(args[1])
            inner = max(self.tree_sign(args[0]), e % 2 == 0 or e.denominator % 2 == 0)
            return POSITIVE if e < 0 and inner else inner
        return found

    # In the unbounded variables, and around a circle

    def is_periodic(self, a, x):
        """Whether x is in sin and cos of (whole number) x + (what is free of x) only."""
        for key in (key for term in a for key, _ in term):
            kind, inner = key[0][0], self.inside(key)
            if kind in ("sin", "cos"):
                for term, c in inner.items():
                    is_own = [(head, e) for (head, _), e in term] == [(("symbol", x, ()), 1)]
                    if self.depends({term: c}, x) and (c % 1 or not is_own):
                        return False
            elif self.depends(inner, x) and (kind == "symbol" or not self.is_periodic(inner, x)):
                return False
        return True

    def degree(self, term):
        """Of a term in the unbounded variables; None where it is no polynomial in them."""
        total = 0
        for key, e in term:
            (kind, name, _), inner = key[0], self.inside(key)
            is_bounded = kind in ("sin", "cos", "tanh") and e > 0
            is_bounded = is_bounded or (kind == "power" and e < 0 and self.has_floor(inner))
            if kind == "symbol" and name in self.variables and e > 0:
                total += e * (self.domain(name)["kind"] in ("real", "positive"))
            elif not is_bounded and self.depends(inner, *self.variables):
                return None
        return total

    def is_slow(self, a, most):
        degrees = [self.degree(term) for term in a]
        return None not in degrees and max(degrees, default=0) <= most
