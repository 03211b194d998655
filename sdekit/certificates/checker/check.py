"""Checks a certificate: `python check.py FILE.json [MODEL.json]`. Standard library only.

Each rung gets the model and its evidence, raises `Refused` unless its claim follows, and returns
what is taken for granted of unknown functions. Nothing in the file but the model is believed; the
model of a second certificate has to be the same. Theorems used by name: Khasminskii (2012), 3.5
(L V <= c (1 + V), V proper: no explosion); Fukushima, Oshima, Takeda (2011), 1.6.3 (a reversible
diffusion with definite D of at most quadratic growth and finite exp(-H) does not explode).
Exit status: 0 certified as a whole, 1 rejected, 2 no certificate, 3 some rung is not certified.
"""

import itertools
import json
import math
import sys
from fractions import Fraction as Q
from pathlib import Path

if __package__:
    from sdekit.certificates.checker.declared_model import POSITIVE, Model, listed, number, scaled
    from sdekit.certificates.checker.index_ring import Refused, need
else:  # run as a program from its folder, without the package
    from declared_model import POSITIVE, Model, listed, number, scaled
    from index_ring import Refused, need

FORMAT = 3
NO_EXPLOSION = "solutions do not explode"
#: What reading something ends in that is no certificate.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
RUNGS = ["diffusion_symmetric", "diffusion_psd", "stationarity", "regularity"]
RUNGS += ["marginalization", "normalizable", "non_explosion"]
ZERO, ONE = ["number", "0"], ["number", "1"]
#: Sums of named terms: (domain, [(s, r)]): s c + r > 0 for the first coefficients c.
NAMED = {
    "gamma": ("positive", [(1, 0), (-1, 1)]),
    "beta": ("interval", [(-1, 1), (-1, 1)]),
    "lognormal": ("positive", [(1, 0)]),
    "student": ("real", [(2, -1)]),
    "root": ("real", [(1, 0)]),
    "polynomial": ("real", [(1, 0)]),
}


def _log(tree):
    return ["function", "log", tree]


class Claims(Model):
    """A model, with a method for each rung that returns what is assumed or raises `Refused`."""

    # The equations of the model, as trees

    def paired(self, a, b, *names):
        """The scalar product of two trees over the indices of these variables."""
        return ["contract", a, b, len(self.dims(*names))]

    def current(self, x):
        """v - div D + D grad H: exp(H) times the probability current of x."""
        out = [self.drift[x]]
        for (own, y), block in self.blocks.items():
            if own == x:
                out += [scaled("-1", ["div", block, y])]
                out += [self.paired(block, ["grad", self.energy, y], y)]
        return ["sum", *out]

    def residual(self):
        """div J - J . grad H of the current J; zero exactly where exp(-H) is stationary."""
        out = []
        for x, current in ((x, self.current(x)) for x in self.variables):
            out += [["div", current, x]]
            out += [scaled("-1", self.paired(current, ["grad", self.energy, x], x))]
        return ["sum", *out]

    def generator(self, a):
        """L a = v . grad a + D : grad grad a."""
        out = [self.paired(self.drift[x], ["grad", a, x], x) for x in self.variables]
        for (x, y), block in self.blocks.items():
            out += [self.paired(block, ["grad", ["grad", a, x], y], x, y)]
        return ["sum", *out]

    # The rungs

    def diffusion_symmetric(self, _):
        for (x, y), block in self.blocks.items():
            other = self.blocks.get((y, x), scaled("0", self.turned(block, len(self.dims(y)))))
            is_mirrored = self.is_mirrored(block, other, len(self.dims(y)))
            need(is_mirrored, f"D is not symmetric in {x}, {y}")
        return []

    def diffusion_psd(self, _):
        for (x, y), block in self.blocks.items():
            need(self.form_sign(block) if x == y else self.vanishes(block), f"D in {x}, {y}")
        return []

    def stationarity(self, _):
        """The residual vanishes, and so does the current across every end of the domain."""
        need(self.vanishes(self.residual()), "the residual is not seen to vanish")
        for x in self.variables:
            kind = self.domain(x)["kind"]
            if kind == "circle":
                parts = (*self.drift.values(), *self.blocks.values(), self.energy)
                need(all(self.is_periodic(a, x) for a in parts), f"{x} is not seen to be an angle")
            elif kind != "real":
                need(self.vanishes(self.current(x)), f"the current in {x} is not seen to vanish")
        return []

    # Energies of variables xs with a finite integral of exp(-energy). Each method gives a tree, and
    # what is left when it is integrated out: minus the logarithm of the integral, up to a constant.

    def gaussian(self, xs, data):
        """(x - mean) form (x - mean) / 2; away from the line with constants only."""
        (x,), mean, form = xs, data["mean"], data["form"]
        rank, is_line = len(self.dims(x)), self.domain(x)["kind"] == "real"
        offset = ["sum", ["symbol", x], scaled("-1", mean)]
        energy = scaled("1/2", self.paired(offset, ["contract", form, offset, rank], x))
        need(self.formula(form, x, x) and self.form_sign(form) >= POSITIVE, f"the form of {x}")
        need(self.is_free(mean, x) and self.is_free(form, x), f"the energy of {x} is not quadratic")
        need(is_line or self.are_constant(mean, form), f"the domain of {x}")
        if self.are_constant(form):
            return energy, ZERO
        inverse, det = data["inverse"], data["logdet"]  # d logdet(form) = tr form^-1 d form
        one = ["eye", list(self.dims(x))] if rank else ONE
        need(self.is_same(["contract", form, inverse, rank], one), f"the inverse of {form}")
        for y in self.variables:
            slope = ["contract", inverse, ["grad", form, y], 2 * rank]
            need(self.is_same(["grad", det, y], slope), f"the determinant of {form}")
        return energy, scaled("1/2", det)

    def quadratic(self, x, data):
        """floor + slope |x - mean|^2, above zero."""
        offset = ["sum", ["symbol", x], scaled("-1", data["mean"])]
        floor, slope = data["floor"], data["slope"]
        need(self.are_constant(floor, slope, data["mean"]), f"the quadratic of {x} varies")
        need(min(self.sign(floor), self.sign(slope)) >= POSITIVE, "no quadratic above zero is seen")
        return ["sum", floor, ["product", slope, self.paired(offset, offset, x)]]

    def terms(self, x, data):
        """The terms that have coefficients."""
        z, kind = ["symbol", x], data["kind"]
        if kind in ("student", "root"):
            square = self.quadratic(x, data)
            return [_log(square) if kind == "student" else ["power", square, "1/2"]]
        powers = range(len(data["coefficients"]), 0, -1)
        return {
            "gamma": [z, _log(z)],
            "beta": [_log(z), _log(["sum", ONE, scaled("-1", z)])],
            "lognormal": [["power", _log(z), "2"], _log(z)],
            "polynomial": [["power", z, str(k)] for k in powers if powers[0] % 2 == 0],
        }[kind]

    def named(self, xs, data):
        """A sum of `terms` with constant coefficients, and trees that show the bounds on these."""
        (x,), (kind, rules), coefficients = xs, NAMED[data["kind"]], data["coefficients"]
        domain = {"lower": "0", "upper": "1", **self.domain(x)}
        need(domain == {"kind": kind, "lower": "0", "upper": "1"}, f"the domain of {x}")
        need(not self.dims(x) or data["kind"] == "root", f"the shape of {x}")
        need(self.are_constant(*coefficients), f"a coefficient of {x} varies")
        need(len(data["bounds"]) == len(rules) <= len(coefficients), f"the bounds of {x}")
        for c, bound, (scale, shift) in zip(coefficients, data["bounds"], rules):
            due = ["sum", ["number", str(shift)], scaled(str(scale), c)]
            is_seen = self.sign(bound) >= POSITIVE and self.is_same(bound, due)
            need(is_seen, f"a coefficient of {x} is not seen to be in its range")
        pairs = zip(coefficients, self.terms(x, data), strict=True)
        return ["sum", *(["product", c, term] for c, term in pairs)], ZERO

    def uniform(self, xs, data):
        """What is smooth and periodic is bounded."""
        (x,), energy = xs, data["energy"]
        is_circle = self.domain(x)["kind"] == "circle" and self.is_periodic(energy, x)
        need(is_circle, f"{x} is on no circle")
        need(self.is_free(energy, *{*self.variables} - {x}), f"{x} is coupled to others")
        return energy, ZERO

    def assumed(self, xs, data):
        """rest + sum weight f: functions f without properties can be chosen to make it finite."""
        weights, rest, parts = data["functions"], data["rest"], []
        for f, weight in weights.items():
            is_free = f in self.functions and not self.dims(f) and not self.words(f)
            need(is_free, f"{f} may not be chosen")
            need(self.sign(weight) >= POSITIVE and self.are_constant(weight), f"the weight of {f}")
            parts.append(["product", weight, ["symbol", f]])
        reached = {x for f in weights for x in self.symbols[f]["of"]}
        need(reached == {*xs}, "what no unknown function reaches may not be assumed")
        others = {*self.variables, *self.functions} - reached
        need(self.is_free(rest, *others), f"{xs} is coupled to others")
        return ["sum", rest, *parts], ZERO

    def parts(self, blocks, left):
        """(data, variables, energy, what is left) of blocks that make up the variables `left`."""
        own = {"gaussian": self.gaussian, "uniform": self.uniform, "assumed": self.assumed}
        for data in blocks:
            xs = listed(data["blocks"], left)
            left = [x for x in left if x not in xs]
            yield data, xs, *own.get(data["kind"], self.named)(xs, data)
        need(not left, f"{left} are left")

    def integrated(self, energy, blocks, left):
        """-log of the integral of exp(-energy) over the variables `left`, and what is assumed."""
        said = []
        for data, xs, part, rest in self.parts(blocks, left):
            energy = ["sum", energy, scaled("-1", part), rest]
            need(self.is_flat(energy, *xs), f"the energy of {xs} is another one")
            if data["kind"] == "assumed":
                names = " and ".join(data["functions"])
                said += [f"exp(-H) is integrable over {', '.join(xs)}, by choice of {names}"]
        return energy, said

    def marginal(self, evidence):
        energy = ["sum", self.energy, scaled("-1", self.target)]
        return self.integrated(energy, evidence["blocks"], self.auxiliary)

    def marginalization(self, evidence):
        """H - target is integrated over the auxiliary variables; no other one may be left in it."""
        left, said = self.marginal(evidence)
        need(self.is_flat(left, *self.stay), "the marginal is not the target")
        return said

    def normalizable(self, evidence):
        _, said = self.integrated(self.target, evidence["target"], self.stay)
        return self.marginalization(evidence) + said

    def regularity(self, _):
        """A division, root or logarithm that is not regular has no value in `declared_model`."""
        return ["the unknown functions are smooth"] if self.functions else []

    # No explosion

    def lyapunov(self, evidence):
        """L V <= c (1 + V): V is quadratic and definite in some variables, proper in the others."""
        kinds = {x: self.domain(x)["kind"] for x in self.variables}
        unbounded = [x for x in self.variables if kinds[x] in ("real", "positive")]
        energies, others, said = [ZERO], [], []
        for data, xs, part, _ in self.parts(evidence["blocks"], unbounded):
            energies.append(part)
            if data["kind"] == "gaussian":
                need(self.are_constant(data["mean"], data["form"]), f"the form of {xs} varies")
                # Where the end x = 0 of a half-line reflects, D grad V has to point along it.
                parts = data["form"], self.blocks.get((*xs, *xs), ZERO)
                is_along = self.vanishes(data["mean"]) and all(map(self.is_diagonal, parts))
                need(kinds[xs[0]] == "real" or is_along, f"V at the end of {xs}")
                continue
            others += xs
            need(data["kind"] in ("polynomial", "assumed"), f"no proper function of {xs}")
            if data["kind"] == "assumed":
                names = " and ".join(data["functions"])
                said += [f"the target is bounded below and proper, by choice of {names}"]
        if {*kinds.values()} & {"positive", "interval"}:
            trees = (*self.drift.values(), *self.blocks.values())
            has_no_pole = all(self.is_slow(self.value(tree)[1], math.inf) for tree in trees)
            need(has_no_pole, "a pole at an end of a domain")
        need(self.sign(evidence["damping"]), "the sign of the damping")
        damped = self.formula(["sum", self.generator(["sum", *energies]), evidence["damping"]])
        is_seen = not self.depends(damped, *others) and self.is_slow(damped, 2)
        need(is_seen, "L V <= c (1 + V) is not seen")
        return said

    def reversible(self, evidence):
        """No current anywhere, definite D of at most quadratic growth, finite exp(-H)."""
        need(all(x == y for x, y in self.blocks), "D couples variables")
        for x in self.variables:
            block = self.blocks[x, x]
            need(self.vanishes(self.current(x)), f"the current in {x} is not seen to vanish")
            need(self.form_sign(block) >= POSITIVE, f"D in {x} is not seen to be definite")
            need(self.is_slow(self.value(block)[1], 2), f"D in {x} may grow fast")
        return self.normalizable(evidence["normalizable"])

    def instance(self, evidence):
        """Outright for one choice of the unknown functions; assumed for the others."""
        need(self.functions, "there is no unknown function")
        at = self.chosen(evidence["choice"], evidence["shown"])
        said = at.normalizable(evidence["normalizable"]) + at.non_explosion(evidence["evidence"])
        need(not said, "the choice is open itself")
        return [NO_EXPLOSION]

    def non_explosion(self, evidence):
        rules = {"lyapunov": self.lyapunov, "reversible": self.reversible}
        return {**rules, "instance": self.instance}[evidence["kind"]](evidence)

    # Refutations: at a point with exact values for every symbol and every derivative of an unknown
    # function that the claim holds. Smooth functions with any derivatives at one point exist.

    def is_refuted(self, rung, evidence):
        """Whether the claim of a rung fails at a point with admissible values."""
        need({*self.fixed} == {*self.model["dimensions"]}, "a size is open")
        need(max(self.fixed.values(), default=1) <= 50, "a size is too large")
        values = {(x, tuple(jet), tuple(at)): number(v) for x, jet, at, v in evidence["values"]}
        for key, value in values.items():
            need(self.is_admissible(*key, value), f"the value of {key[0]}")
        if rung == "stationarity":
            return self.number_at(self.formula(self.residual()), values) != 0
        if rung == "diffusion_psd":  # z . D z < 0 for a direction z
            z = {(x, tuple(at)): number(v) for x, at, v in evidence["direction"]}
            for (x, at), v in z.items():
                turned = {"symmetric": v, "antisymmetric": -v}.get(self.symbols[x].get("symmetry"))
                is_like_x = turned is None or z.get((x, at[::-1])) == turned
                need(is_like_x and at in self.entries(self.dims(x)), f"the direction in {x}")
            total = Q(0)
            for ((x, i), v), ((y, j), w) in itertools.product(z.items(), repeat=2):
                block = self.value(self.blocks[x, y])[1] if (x, y) in self.blocks else {}
                total += v * w * self.number_at(block, values, i + j)
            return total < 0
        need(rung == "marginalization", "no refutation of this rung is known")
        left, said = self.marginal(evidence)
        need(not said, "an integral is assumed")
        slopes = [(self.value(["grad", left, x])[1], self.entries(self.dims(x))) for x in self.stay]
        return any(self.number_at(slope, values, at) for slope, entries in slopes for at in entries)

    def sentence(self, name, rung):
        """What is certified of a rung, beginning with the verdict."""
        need("evidence" in rung, rung.get("open", "no evidence"))
        evidence = rung["evidence"]
        if rung["verdict"] == "refuted":
            at = Claims(self.model, {**self.fixed, **evidence["sizes"]}, self.pairs)
            need({**at.fixed, **self.fixed} == at.fixed, "another size")
            need(at.is_refuted(name, evidence), "the claim holds at the point")
            return "refuted"
        need(rung["verdict"] == "proved", "undecided")
        taken = list(dict.fromkeys(getattr(self, name)(evidence)))
        assumed = NO_EXPLOSION if NO_EXPLOSION in taken else None
        need(rung.get("assumed") == assumed, "something else is assumed")
        return "; assuming: ".join(["proved", *taken])


def check(certificate, model=None):
    """(the verdict that is certified or None, {rung: (whether it is certified, a sentence)})."""
    claim, rungs, said = certificate["claim"], certificate["rungs"], {}
    need(certificate["format"] == FORMAT, f"not of format {FORMAT}")
    need(model is None or model == certificate["model"], "the certificate is about another model")
    try:
        claims = Claims(certificate["model"], claim["sizes"], certificate.get("shown", []))
    except Refused as reason:
        return None, dict.fromkeys(RUNGS, (False, str(reason)))
    for name in RUNGS:
        try:
            said[name] = True, claims.sentence(name, rungs[name])
        except Refused as reason:
            said[name] = False, str(reason)
    whole = "proved" if all(is_certified for is_certified, _ in said.values()) else None
    whole = "refuted" if (True, "refuted") in said.values() else whole
    is_conditional = whole == "proved" and NO_EXPLOSION in said["non_explosion"][1]
    is_claimed = (claim["verdict"], claim["conditional"]) == (whole, is_conditional)
    need(whole is None or is_claimed, f"{whole}, conditional: {is_conditional}, is not the claim")
    return whole, said


def parsed(text):
    """JSON in which nothing is said twice and every number is one."""

    def once(pairs):
        need(len(dict(pairs)) == len(pairs), "a key is there twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once, parse_constant=number, parse_float=number)


def _said(text):  # in one line, without characters that look like others
    return ascii(str(text))[1:-1]


def _main(path, *other):
    try:
        files = [parsed(Path(p).read_text(encoding="utf-8")) for p in (path, *other)]
        verdict, said = check(files[0], *(file["model"] for file in files[1:]))
    except Refused as reason:
        print("REJECTED:", _said(reason))
        return 1
    except (*UNREADABLE, OSError) as error:
        print("NO CERTIFICATE:", type(error).__name__, _said(error))
        return 2
    for name, symbol in files[0]["model"]["symbols"].items():
        print("declared     ", _said(name), _said(symbol))
    for name, (is_certified, sentence) in said.items():
        print("certified    " if is_certified else "not certified", name, _said(sentence))
    claim = files[0]["claim"]
    condition = f", if {NO_EXPLOSION}" if claim["conditional"] else ""
    scope = "".join(f", at {d} = {n}" for d, n in claim["sizes"].items())
    print(f"CERTIFIED: {verdict}{condition}{scope}" if verdict else "NOT CERTIFIED as a whole")
    return 0 if verdict else 3


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
