"""A model: what it declares, the formulas of its trees, and the signs that these show.

Standard library only. A tree is [operation, ...]; its value is a formula of `index_ring`. Signs are
those of a tree as it is written, or of an equal tree that the certificate brings (`shown`), which
is multiplied out and compared. Divisions, roots and logarithms need a positive one to have a value.
"""

import json
import re
from fractions import Fraction as Q

if __package__:
    from sdekit.certificates.checker.index_ring import ONE, IndexRing, Refused, need, ones, plus
else:  # run as a program from its folder, without the package
    from index_ring import ONE, IndexRing, Refused, need, ones, plus

#: Signs; FLOOR is above a positive constant.
FLOOR, POSITIVE, NONNEGATIVE, UNKNOWN = 3, 2, 1, 0
SIGNS = {"positive": POSITIVE, "nonnegative": NONNEGATIVE}
FORMS = {"positive_definite": POSITIVE, "positive_semidefinite": NONNEGATIVE}
SYMMETRIES = {"symmetric", "antisymmetric"}
WORDS = {*SIGNS, *FORMS, "even", "convex", "bounded", "lipschitz", "coercive"}
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


def scaled(c, tree):
    return ["product", ["number", c], tree]


def undefined(tree):
    return f"{json.dumps(tree):.200} may be undefined"


def with_choice(tree, choice):
    """A tree, or what holds trees, with trees in the place of symbols."""
    match tree:
        case ["symbol", str(name)] if name in choice:
            return choice[name]
        case dict():
            return {key: with_choice(part, choice) for key, part in tree.items()}
        case list():
            return [with_choice(part, choice) for part in tree]
    return tree


class Model(IndexRing):
    """The model at sizes; `shown` are pairs of a tree and an equal one that shows its sign."""

    def __init__(self, model, sizes, shown=()):
        self.model, self.pairs = model, shown
        self.memo, self.shown, self.floored = {}, {}, set()
        dimensions, symbols = model["dimensions"], model["symbols"]
        for d, n in sizes.items():
            need(d in dimensions and dimensions[d] in (None, n), f"the size of {d}")
        fixed = {d: n for d, n in {**dimensions, **sizes}.items() if n is not None}
        need(all(type(n) is int and n > 0 for n in (*fixed.values(), *sizes.values())), "the sizes")
        super().__init__(symbols, fixed)
        need(all(re.fullmatch(NAME, n) for n in (*dimensions, *symbols)), "the names")
        roles = [(name, symbol["role"]) for name, symbol in symbols.items()]
        self.variables = [x for x, role in roles if role == "variable"]
        self.functions = [f for f, role in roles if role == "function"]
        need(self.variables and {*self.variables} == {*model["drift"]}, "the variables")
        for name in symbols:
            self.look_through(name, **symbols[name])
        for tree, other in shown:
            need(self.is_same(tree, other), f"{tree!r:.80} is not what it is said to be")
            self.shown[json.dumps(tree)] = other
        self.drift, self.energy, self.target = map(model.get, ("drift", "hamiltonian", "target"))
        self.blocks = {(x, y): tree for x, y, tree in model["diffusion"]}
        need(len(self.blocks) == len(model["diffusion"]), "a block")
        listed([x for pair in self.blocks for x in pair], self.variables)
        self.stay = listed(model["target_variables"], self.variables)
        self.auxiliary = [x for x in self.variables if x not in self.stay]
        named = [((x,), tree) for x, tree in self.drift.items()] + [*self.blocks.items()]
        for names, tree in [*named, ((), self.energy), ((), self.target)]:
            self.formula(tree, *names)
        need(self.stay and self.is_free(self.target, *self.auxiliary), "a target's variables")

    def look_through(self, name, role, shape, symmetry=None, **more):
        """Whether one symbol is declared as the rest of the checker takes for granted."""
        words = {*listed(more.get("assumptions", []), WORDS)}
        domain, is_square = self.domain(name), len(shape) == 2 and shape[0] == shape[1]
        need({*more} <= PARTS[role], f"the parts of {name}")
        listed(shape, self.model["dimensions"])
        need(symmetry is None or (symmetry in SYMMETRIES and is_square), f"the shape of {name}")
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

    def words(self, name):
        return {*self.symbols[name].get("assumptions", ())}

    def chosen(self, choice, shown):
        """The model for a choice of its unknown functions that has what is declared of them."""
        need({*choice} == {*self.functions}, "a function is not chosen")
        for f, tree in choice.items():
            others = {*self.variables, *self.functions} - {*self.symbols[f]["of"]}
            need(not self.depends(self.formula(tree, f), *others), f"the arguments of {f}")
            seen = {word for word, least in SIGNS.items() if self.sign(tree) >= least}
            if len(self.dims(f)) == 2:
                seen |= {word for word, least in FORMS.items() if self.form_sign(tree) >= least}
                alike = self.symbols[f].get("symmetry")
                image = scaled("-1", tree) if alike == "antisymmetric" else tree
                need(not alike or self.is_mirrored(tree, image, 1), f"the symmetry of {f}")
            need(self.words(f) <= seen, f"what is declared of {f}")
        symbols = {x: symbol for x, symbol in self.symbols.items() if x not in choice}
        model = {**with_choice(self.model, choice), "symbols": symbols}
        return type(self)(model, self.fixed, shown)

    def is_admissible(self, name, jet, at, value):
        """Whether it is strictly inside what is declared; definite matrices are diagonal."""
        words, domain = self.words(name), self.domain(name)
        is_free = jet or (not words & {*SIGNS} and domain["kind"] != "positive")
        is_inside = domain["kind"] != "interval" or Q(domain["lower"]) < value < Q(domain["upper"])
        is_any = jet or not words & {*FORMS}
        is_diagonal = is_any or (value > 0 if at[0] == at[1] else value == 0)
        is_known = words <= {*SIGNS, *FORMS}
        return is_known and (is_free or value > 0) and is_inside and is_diagonal

    # Trees

    def formula(self, tree, *names):
        """Of a tree with the shape of these symbols, one after the other."""
        dims, out = self.value(tree)
        need(dims == self.dims(*names), f"the shape of {tree!r:.80}")
        return out

    def is_same(self, tree, other):
        (dims, a), (own, b) = self.value(tree), self.value(other)
        return dims == own and self.is_zero(plus(a, b, -1))

    def rank(self, tree):
        return len(self.value(tree)[0])

    def vanishes(self, tree):
        return self.is_zero(self.value(tree)[1])

    def is_free(self, tree, *names):
        return not self.depends(self.value(tree)[1], *names)

    def is_flat(self, tree, *names):
        return all(self.vanishes(["grad", tree, x]) for x in names)

    def is_diagonal(self, tree):
        dims = self.value(tree)[0]
        own = ["product", tree, ["eye", list(dims[: len(dims) // 2])]] if dims else tree
        return self.is_same(tree, own)

    def are_constant(self, *trees):
        return all(self.is_free(tree, *self.variables) for tree in trees)

    def value(self, tree):
        """(dimensions, formula) of a tree."""
        need(isinstance(tree, list) and len(tree) > 1, f"{tree!r:.80} is no tree")
        key = json.dumps(tree)
        if key not in self.memo:
            dims, formula = self.compute(tree)
            self.memo[key] = tuple(dims), formula
        return self.memo[key]

    def compute(self, tree):
        """`value`, where it is asked for the first time."""
        match tree:
            case ["number", text]:
                return (), plus({}, {(): number(text)})
            case ["size", d]:
                return (), self.total([(ones(listed([d], self.model["dimensions"]), [-1]), Q(1))])
            case ["symbol", name]:
                dims = self.dims(*listed([name], self.symbols))
                key = ("symbol", name, ()), tuple(range(len(dims)))
                return dims, self.total([([(key, 1)], Q(1))])
            case ["eye", dims]:
                pairs = enumerate(listed(dims, self.model["dimensions"]))
                keys = [((("delta", d, ()), (k, len(dims) + k)), 1) for k, d in pairs]
                return dims * 2, {tuple(sorted(keys)): Q(1)}
            case ["ones", dims]:
                return listed(dims, self.model["dimensions"]), ONE
            case ["sum" | "product" as op, first, *rest]:
                dims, out = self.value(first)
                for own, formula in map(self.value, rest):
                    need(own == dims or (op == "product" and not (own and dims)), "unequal shapes")
                    dims = dims or own
                    out = plus(out, formula) if op == "sum" else self.times(out, formula)
                return dims, out
            case ["contract", left, right, int(axes)]:
                return self.contracted(*self.value(left), *self.value(right), axes)
            case ["function", name, inner]:
                need(name != "log" or self.sign(inner) >= POSITIVE, undefined(tree))
                dims, a = self.value(inner)
                return dims, self.function(name, dims, a)
            case ["inverse", ["eye", _]]:
                return self.value(tree[1])
            case ["logdet", ["eye", _]]:
                return (), {}
            case ["inverse" | "logdet" as op, inner]:
                dims, a = self.value(inner)
                need(len(dims) == 2 and self.form_sign(inner) >= POSITIVE, undefined(tree))
                return (dims if op == "inverse" else ()), self.single(op, dims, a)
        return self.of_one(*tree)

    def of_one(self, op, inner, *more):
        """(dimensions, formula) of the other operations, which are on one formula."""
        dims, a = self.value(inner)
        rank = len(dims)
        match op, *more:
            case ["power", text]:
                e = number(text)
                out = self.raised(dims, a, e)
                if e < 0 or e.denominator > 1:
                    need(self.sign(inner) >= POSITIVE, undefined([op, inner, text]))
                    if self.sign(inner) == FLOOR and len(a) > 1:
                        self.floored |= {head for term in out for (head, _), _ in term}
                return dims, out
            case ["transpose", axes]:
                need(sorted(axes) == list(range(rank)), "the axes of a transpose")
                return [dims[k] for k in axes], self.moved(a, {k: i for i, k in enumerate(axes)})
            case ["diag"] if rank == 1:
                return dims * 2, self.times(a, self.value(["eye", list(dims)])[1])
            case ["grad" | "div", x]:
                own = self.dims(*listed([x], self.variables))
                slope, cut = self.derivative(a, x, rank), rank - len(own)
                if op == "grad":
                    return dims + own, slope
                need(dims[cut:] == own, "a divergence")
                ends = {cut + k: -1 - k % len(own) for k in range(2 * len(own))}
                return dims[:cut], self.moved(slope, ends, ones(own, ends.values()))
        raise Refused(f"the operation {op!r:.80}")

    def contracted(self, dims, a, other, b, axes):
        cut = len(dims) - axes
        need(0 <= axes <= len(dims) and dims[cut:] == other[:axes], "a contraction")
        left = {cut + k: -500 - k for k in range(axes)}
        right = {k: -500 - k if k < axes else cut + k - axes for k in range(len(other))}
        met = ones(dims[cut:], left.values())
        return dims[:cut] + other[axes:], self.times(a, b, left, right, met)

    # Signs, as a tree is written

    def symbol_sign(self, name):
        words, domain = self.words(name), self.domain(name)
        if domain["kind"] in ("positive", "interval"):
            lower = Q(domain.get("lower", 0))
            return FLOOR if lower > 0 else POSITIVE * (lower == 0)
        sign = max([UNKNOWN, *(SIGNS[word] for word in words & {*SIGNS})])
        is_number = self.symbols[name]["role"] == "parameter"
        return FLOOR if sign == POSITIVE and is_number else sign

    def sign(self, tree):
        """Of every entry, inside the domain."""
        match self.shown.get(json.dumps(tree), tree):
            case ["number", text]:
                return FLOOR if number(text) > 0 else NONNEGATIVE * (number(text) == 0)
            case ["size" | "ones", _]:
                return FLOOR
            case ["eye", _]:
                return NONNEGATIVE
            case ["symbol", name]:
                return self.symbol_sign(name)
            case ["function", "exp", _]:
                return POSITIVE
            case ["sum", ["number", end], ["product", ["number", "-1"], ["symbol", x]]]:
                upper = self.domain(x).get("upper")
                return POSITIVE * (upper is not None and number(end) >= Q(upper))
            case ["sum", *terms]:
                signs = [self.sign(term) for term in terms]
                return max(signs) if all(signs) else UNKNOWN
            case ["product", *factors]:
                return min(self.sign(factor) for factor in factors)
            case ["power", inner, text]:
                sign, e = self.sign(inner), number(text)
                sign = max(sign, NONNEGATIVE) if e % 2 == 0 else sign
                return min(sign, POSITIVE) if e < 0 else sign
            case ["contract", a, b, axes] if a == b and axes == self.rank(a):
                return max(NONNEGATIVE, self.sign(a))
            case ["contract", a, ["contract", middle, b, axes], k] if a == b and k == axes:
                is_whole = k == self.rank(a)
                return NONNEGATIVE if is_whole and self.form_sign(middle) else UNKNOWN
            case ["contract", a, b, _]:
                return min(self.sign(a), self.sign(b))
        return UNKNOWN

    def form_sign(self, tree):
        """Of the sum z tree z for all z with half of its indices; POSITIVE where definite."""
        dims, _ = self.value(tree)
        if not dims:
            return self.sign(tree)
        need(dims[: len(dims) // 2] * 2 == dims, "a form that is not square")
        match self.shown.get(json.dumps(tree), tree):
            case ["symbol", name]:
                return max([0, *map(FORMS.get, self.words(name) & {*FORMS})])
            case ["eye", _]:
                return POSITIVE
            case ["ones", _]:
                return NONNEGATIVE
            case ["inverse", inner]:
                return self.form_sign(inner)
            case ["diag", inner]:
                return min(POSITIVE, self.sign(inner)) * (self.rank(inner) == 1)
            case ["sum", *terms]:
                signs = [self.form_sign(term) for term in terms]
                return max(signs) if all(signs) else UNKNOWN
            case ["product", *factors]:  # Schur: entry by entry, semidefinite kernels multiply
                return min(self.form_sign(factor) for factor in factors)
            case ["transpose", ["contract", a, b, 0], [0, 2, 1, 3]] if self.rank(a) == 2:
                return min(self.form_sign(a), self.form_sign(b))
            case ["contract", left, ["contract", middle, right, k], axes] if k == axes:
                is_congruence = self.rank(middle) == 2 * k and self.is_mirrored(left, right, k)
                return NONNEGATIVE * (is_congruence and self.form_sign(middle) > UNKNOWN)
            case ["contract", left, right, axes]:
                return NONNEGATIVE * self.is_mirrored(left, right, axes)
        return UNKNOWN

    def is_mirrored(self, left, right, axes):
        """Whether right is left with its last indices, so many, in front."""
        return self.is_same(right, self.turned(left, axes))

    def turned(self, tree, axes):
        rank = self.rank(tree)
        return ["transpose", tree, [(k - axes) % rank for k in range(rank)]]

    # In the unbounded variables, and around a circle

    def is_periodic(self, tree, x):
        """Whether x is in sin and cos of (whole number) x + (what is free of x) only."""
        if self.is_free(tree, x):
            return True
        match tree:
            case ["symbol", _]:
                return False
            case ["function", "sin" | "cos", inner]:
                whole = [(("symbol", x, ()), 1)]
                terms = [(t, c) for t, c in self.value(inner)[1].items() if self.depends({t: c}, x)]
                return all(c % 1 == 0 and [(h, e) for (h, _), e in t] == whole for t, c in terms)
        parts = [part for part in tree[1:] if isinstance(part, list) and isinstance(part[0], str)]
        return all(self.is_periodic(part, x) for part in parts)

    def degree(self, term):
        """Of a term in the unbounded variables; None where it is no polynomial in them."""
        total = 0
        for (head, ix), e in term:
            kind, name, _ = head
            is_bounded = e > 0 and kind in ("sin", "cos", "tanh")
            is_bounded = is_bounded or (e < 0 and head in self.floored)
            if kind == "symbol" and name in self.variables and e > 0:
                total += e * (self.domain(name)["kind"] in ("real", "positive"))
            elif not is_bounded and self.depends({(((head, ix), 1),): 1}, *self.variables):
                return None
        return total

    def is_slow(self, a, most):
        degrees = [self.degree(term) for term in a]
        return None not in degrees and max(degrees, default=0) <= most
