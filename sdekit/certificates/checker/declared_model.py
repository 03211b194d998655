"""A model of a certificate as formulas, and what is seen of signs. Standard library only.

Seen without search: signs term by term, entry by entry; of quadratic forms by a mirror image of
their factors (Schur's product theorem: a product of positive semidefinite kernels is one).
"""

import itertools
import json
from fractions import Fraction as Q

if __package__:
    from sdekit.certificates.checker.index_ring import ONE, IndexRing, need, plus
else:  # run as a program from its folder, without the package
    from index_ring import ONE, IndexRing, need, plus

POSITIVE, NONNEGATIVE, UNKNOWN = 2, 1, 0
SIGNS = {"positive": POSITIVE, "nonnegative": NONNEGATIVE}
FORMS = {"positive_definite": POSITIVE, "positive_semidefinite": NONNEGATIVE}
SYMMETRIES = (None, "symmetric", "antisymmetric")
WORDS = (*SIGNS, *FORMS, *SYMMETRIES[1:], *"even convex bounded lipschitz coercive".split())
REAL = {"kind": "real"}
DOMAINS = {kind: {"kind"} for kind in ("real", "positive", "circle")}
DOMAINS["interval"] = {"kind", "lower", "upper"}
#: What symbols of each role may have beside a role, a shape and a symmetry.
PARTS = {"variable": {"domain"}, "parameter": {"assumptions"}, "function": {"of", "assumptions"}}


def indices(factors):
    return {i for (_, ix), _ in factors for i in ix}


class Model(IndexRing):
    """The model; `choice` puts trees in the place of symbols."""

    def __init__(self, model, sizes, choice=None):
        fixed = {d: n or sizes.get(d) for d, n in model["dimensions"].items()}
        super().__init__(model["symbols"], {d: n for d, n in fixed.items() if n is not None})
        numbers = (*self.fixed.values(), *sizes.values())
        need(all(type(n) is int and n > 0 for n in numbers), "the sizes")
        need({*sizes} <= {*fixed}, "the sizes")
        self.known = {*fixed}
        self.model, self.choice, self.memo = model, choice or {}, {}
        roles = [(name, symbol["role"]) for name, symbol in self.symbols.items()]
        self.variables = [x for x, role in roles if role == "variable"]
        self.functions = [f for f, role in roles if role == "function" and f not in self.choice]
        need({*self.variables} == {*model["drift"]}, "the variables")
        for name, symbol in self.symbols.items():
            shape, alike, domain = symbol["shape"], symbol.get("symmetry"), self.domain(name)
            parts = {"role", "shape", "symmetry"} | PARTS[symbol["role"]]
            need({*symbol} <= parts, f"the parts of {name}")
            need({*shape} <= self.known, f"the dimensions of {name}")
            need(alike in SYMMETRIES and (not alike or shape[1:] == shape[:1]), name)
            words = {*symbol.get("assumptions", ())} & {*SYMMETRIES}
            is_said_twice = symbol["role"] != "variable" and len(shape) == 2
            need(not is_said_twice or words == {alike} - {None}, f"the symmetry of {name}")
            need({*domain} == DOMAINS[domain["kind"]], f"the domain of {name}")
            need({*symbol.get("assumptions", ())} <= {*WORDS}, f"what is declared of {name}")
            of = symbol["of"] if symbol["role"] == "function" else None
            need(of is None or (of and {*of} <= {*self.variables}), f"the arguments of {name}")
        self.drift = {x: self.formula(tree, x) for x, tree in model["drift"].items()}
        self.blocks = {(x, y): self.formula(tree, x, y) for x, y, tree in model["diffusion"]}
        need(len(self.blocks) == len(model["diffusion"]), "a block of D is there twice")
        self.energy, self.target = map(self.formula, (model["hamiltonian"], model["target"]))
        self.stay = model["target_variables"]
        need({*self.stay} <= {*self.variables}, "the target's variables")
        self.auxiliary = [x for x in self.variables if x not in self.stay]
        need(not self.depends(self.target, *self.auxiliary), "the target's variables")

    def dims(self, *names):
        return tuple(d for name in names for d in self.symbols[name]["shape"])

    def domain(self, x):
        return self.symbols[x].get("domain", REAL)

    def chosen(self, choice):
        """The model for a choice of its unknown functions that has what is declared of them."""
        need({*choice} == {*self.functions}, "a function is not chosen")
        for f, tree in choice.items():
            a, declared = self.formula(tree, f), {*self.symbols[f].get("assumptions", ())}
            need(
                not self.depends(
                    a, *self.functions, *({*self.variables} - {*self.symbols[f]["of"]})
                ),
                f,
            )
            signs = {"positive": self.sign(a), "nonnegative": self.sign(a) + 1}
            if len(self.dims(f)) == 2:
                turned, form = self.moved(a, {0: 1, 1: 0}), self.pairs_sign(a, {0: 1}) if a else 1
                signs |= {
                    "positive_definite": form,
                    "positive_semidefinite": form + 1 - (form == 0),
                }
                signs["symmetric"] = 2 * self.is_zero(plus(a, turned, -1))
                signs["antisymmetric"] = 2 * self.is_zero(plus(a, turned))
            need(all(signs.get(word, 0) >= 2 for word in declared), f"what is declared of {f}")
        return Model(self.model, self.fixed, choice)

    # Trees

    def formula(self, tree, *names):
        """Of a tree with the shape of these symbols, one after the other."""
        dims, out = self.value(tree)
        need(dims == self.dims(*names), f"the shape of {tree}")
        return out

    def value(self, tree):
        """(dimensions, formula) of a tree."""
        key = json.dumps(tree)
        if key not in self.memo:
            dims, formula = self.compute(*tree)
            self.memo[key] = tuple(dims), formula
        return self.memo[key]

    def compute(self, op, *args):
        if op == "number":
            return (), plus({}, {(): Q(args[0])})
        if op == "size":
            need(args[0] in self.known, "an unknown dimension")
            return (), self.total([([((("one", args[0], ()), (-1,)), 1)], Q(1))])
        if op == "symbol" and args[0] in self.choice:
            return self.value(self.choice[args[0]])
        if op == "symbol":
            dims = self.dims(args[0])
            key = ("symbol", args[0], ()), tuple(range(len(dims)))
            return dims, self.total([([(key, 1)], Q(1))])
        if op in ("eye", "ones"):
            need({*args[0]} <= self.known, "an unknown dimension")
            return (args[0] * 2, self.eye(args[0])) if op == "eye" else (args[0], ONE)
        if op in ("sum", "product"):
            dims, out = self.value(args[0])
            for own, formula in map(self.value, args[1:]):
                need(own == dims or (op == "product" and not (own and dims)), "unequal shapes")
                dims = dims or own
                out = plus(out, formula) if op == "sum" else self.times(out, formula)
            return dims, out
        dims, a = self.value(args[op == "function"])
        rank = len(dims)
        if op == "power":
            return dims, self.raised(dims, a, Q(args[1]))
        if op == "function":
            return dims, self.function(args[0], dims, a)
        if op in ("inverse", "logdet"):
            return (dims if op == "inverse" else ()), self.matrix(op, dims, a)
        if op == "transpose":
            need(sorted(args[1]) == list(range(rank)), "the axes of a transpose")
            return [dims[k] for k in args[1]], self.moved(a, {k: i for i, k in enumerate(args[1])})
        if op == "diag" and rank == 1:
            return dims * 2, self.times(a, self.eye(dims))
        if op in ("trace", "diag"):
            need(rank == 2 and dims[0] == dims[1], "a square matrix")
            place, own = (-1, ()) if op == "trace" else (0, dims[:1])
            return own, self.moved(a, {0: place, 1: place})
        if op == "grad":
            return dims + self.dims(args[1]), self.derivative(a, args[1], rank)
        if op == "div":
            cut = rank - len(self.dims(args[1]))
            need(dims[cut:] == self.dims(args[1]), "a divergence")
            return dims[:cut], self.divergence(a, args[1], rank)
        need(op == "contract", f"the operation {op}")
        return self.contracted(dims, a, *self.value(args[1]), args[2])

    def eye(self, dims):
        pairs = [((("delta", d, ()), (k, len(dims) + k)), 1) for k, d in enumerate(dims)]
        return self.total([(pairs, Q(1))])

    def contracted(self, dims, a, other, b, axes):
        cut = len(dims) - axes
        need(cut >= 0 and dims[cut:] == other[:axes], "a contraction of unequal shapes")
        left = {cut + k: -500 - k for k in range(axes)}
        right = {k: -500 - k if k < axes else cut + k - axes for k in range(len(other))}
        return dims[:cut] + other[axes:], self.times(a, b, left, right)

    # Calculus

    def divergence(self, a, x, rank):
        """Over the last of the free indices, which are those of x."""
        own = len(self.dims(x))
        ends = {rank - own + k: -1 - k % own for k in range(2 * own)}
        return self.moved(self.derivative(a, x, rank), ends)

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
            block, own = self.blocks.get((x, y), {}), self.dims(y)
            slope = self.gradient(self.energy, y)
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

    def depends(self, a, *names):
        """Whether a formula may depend on symbols; unknown functions do on their arguments."""
        for term in a:
            for ((kind, name, _), _), _ in term:
                if kind == "symbol" and {name, *self.symbols[name].get("of", ())} & {*names}:
                    return True
                if name in self.arguments and self.depends(self.arguments[name][1], *names):
                    return True
        return False

    # Signs

    def declared(self, head, table):
        words = self.symbols[head[1]].get("assumptions", ()) if head[0] == "symbol" else ()
        return max([UNKNOWN, *(table.get(word, 0) for word in words if not head[2])])

    def entry_sign(self, key, e):
        """Of one factor, whatever its indices are, where it is defined."""
        head, kind = key[0], key[0][0]
        sign = POSITIVE if kind in ("exp", "size") else NONNEGATIVE * (kind == "delta")
        if kind == "power":
            sign = self.sign(self.arguments[head[1]][1])
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
        deltas = [f for f in term if f[0][0][0] == "delta" and pairs.get(f[0][1][0]) == f[0][1][1]]
        # There row and column are one index, over which x^2 is summed.
        pairs = {a: b for a, b in pairs.items() if a not in [f[0][1][0] for f in deltas]}
        weights = [f for f in term if f not in deltas and self.entry_sign(*f)]
        rest = [f for f in term if f not in deltas and f not in weights]
        if c <= 0 or any(e != 1 for _, e in rest):
            return UNKNOWN
        kernels = [f for f in rest if self.matrix_sign(f[0][0])]
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
            met = sorted(shared | (indices(half) & indices(other)))
            names = {i: 1000 + k for k, i in enumerate(met)}
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
        rank = len(self.dims(x))
        if not rank:
            return self.sign(a)
        if self.symbols[x].get("symmetry") == "symmetric":  # z_ij z_kl = z_ij z_lk
            ends = {(0, 3): (0, 2), (1, 2): (1, 3)}
            a = self.total(
                ([((h, ends.get(ix, ix)), e) for (h, ix), e in t], c) for t, c in a.items()
            )
        return self.pairs_sign(a, {k: rank + k for k in range(rank)})

    def tree_sign(self, tree):
        """As `Model.sign`, and factor by factor as the formula is written."""
        op, *args = tree
        found = self.sign(self.value(tree)[1])
        if op == "product":
            return max(found, min(self.tree_sign(part) for part in args))
        if op == "power" and found < POSITIVE:
            e = Q(args[1])
            inner = max(self.tree_sign(args[0]), e % 2 == 0 or e.denominator % 2 == 0)
            return POSITIVE if e < 0 and inner else inner
        return found

    def is_periodic(self, a, x):
        """Whether x is in sin and cos of (whole number) x + (what is free of x) only."""
        for key in (key for term in a for key, _ in term):
            kind, name, _ = key[0]
            inner = self.arguments[name][1] if name in self.arguments else {((key, 1),): 1}
            if kind in ("sin", "cos"):
                for term, c in inner.items():
                    is_own = [f[0][0] for f in term] == [("symbol", x, ())] and term[0][1] == 1
                    if self.depends({term: c}, x) and (c % 1 or not is_own):
                        return False
            elif self.depends(inner, x) and (kind == "symbol" or not self.is_periodic(inner, x)):
                return False
        return True

    def degree(self, term):
        """Of a term in the unbounded variables; None where it is no polynomial in them."""
        total = 0
        for key, e in term:
            kind, name, _ = key[0]
            inner = self.arguments[name][1] if name in self.arguments else {((key, 1),): 1}
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
