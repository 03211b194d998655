"""Checks the certificate of a kernel: `python kernel_steps.py FILE.json`. Standard library only.

A kernel is certified where every step keeps exp(-H) by one of four theorems, the steps and the law
being read from the file: a refreshment draws from the conditional law of a block; an involution
F S, accepted with g(t), g(t) = t g(1/t), log t = -(change of H) + log |det|, is in detailed balance
(Tierney 1998); a word that is the same backwards, each letter of which F runs backwards, is such an
S, for every number of steps; a letter with noise that is in detailed balance itself counts nothing.
An affine field, with coefficients that it does not move, has a flow for all times, and its log-
volume grows by the divergence. Exit status as in `check.py`.
"""

import sys
from pathlib import Path

if __package__:
    from sdekit.certificates.checker.check import ONE, UNREADABLE, ZERO, Claims, parsed
    from sdekit.certificates.checker.declared_model import (
        POSITIVE,
        listed,
        number,
        scaled,
        with_choice,
    )
    from sdekit.certificates.checker.index_ring import OPAQUE, Refused, need, plus
else:  # run as a program from its folder, without the package
    from check import ONE, UNREADABLE, ZERO, Claims, parsed
    from declared_model import POSITIVE, listed, number, scaled, with_choice
    from index_ring import OPAQUE, Refused, need, plus

KERNEL_FORMAT = "kernel 1"
#: Acceptance functions g(t) with g(t) = t g(1/t): min(1, t) and t / (1 + t).
BALANCED = ("metropolis", "barker")
LAW = ("regularity", "marginalization", "normalizable")


def operations(tree):
    """The operations of a tree."""
    inner = [operations(part) for part in tree if isinstance(part, list)]
    return {part for part in tree if isinstance(part, str)}.union(*inner)


class KernelClaims(Claims):
    """The law of a kernel, standing still, with a method for each kind of step."""

    def flipped(self, a, flip):
        """A formula with minus the variables in `flip` in their place."""
        out = {}
        for term, c in a.items():
            for ((kind, name, _), _), e in term:
                if kind == "symbol" and name in flip:
                    need(e == int(e), f"a root of {name}")
                    c *= -1 if e % 2 else 1
                elif kind in OPAQUE:
                    inner = self.arguments[name][1]
                    need(self.flipped(inner, flip) == inner, "a function of what is flipped")
                else:
                    of = self.symbols[name].get("of", ()) if kind == "symbol" else ()
                    need(not {*of} & {*flip}, f"{name} depends on what is flipped")
            out = plus(out, {term: c})
        return out

    def is_turned(self, tree, flip, sign):
        """Whether a tree becomes `sign` times itself under the flip."""
        a = self.value(tree)[1]
        return self.is_zero(plus(self.flipped(a, flip), a, -sign))

    def refresh(self, step):
        """All of some variables from exp(-law), or a part of it from a Gaussian one."""
        xs, keep, law = listed(step["variables"], self.variables), step["keep"], step["law"]
        noise = step["noise"]
        need(not self.value(keep)[0], "keep is no number")
        need(law is None or self.is_flat(["sum", law, scaled("-1", self.energy)], *xs), "the law")
        if self.vanishes(keep) and noise is None:
            return []
        for x in xs:
            need(self.domain(x)["kind"] == "real", f"{x} is not on a line")
            need(self.is_free(keep, x) and (noise is None or self.is_free(noise, x)), "keep")
            slopes = [["grad", ["grad", self.energy, x], y] for y in xs]
            need(all(self.is_flat(slope, *xs) for slope in slopes), f"{x} is not Gaussian")
        square = ["power", keep, "2"]
        if noise is None:
            numbers = self.value(square)[1]
            need({*numbers} - {()} or numbers.get((), 0) <= 1, "keep is larger than 1")
            return [] if {*numbers} <= {()} else [f"{keep} squared is at most 1"]
        whole = ["sum", square, ["power", noise, "2"]]
        need(self.is_same(whole, ONE), "keep^2 + noise^2 is not seen to be 1")
        return []

    def flip(self, step):
        """Some variables change their sign."""
        flip = listed(step["flip"], self.variables)
        need(all(self.domain(x)["kind"] == "real" for x in flip), "a flip leaves the domain")
        need(self.is_turned(self.energy, flip, 1), "the flip is not seen to keep H")
        return []

    def metropolis(self, step):
        """A proposal that its flip undoes, accepted with the true ratio."""
        flip, energy = listed(step["flip"], self.variables), step["energy"]
        need(len({*flip}) == len(flip), "a variable is flipped twice")
        need(all(self.domain(x)["kind"] == "real" for x in flip), "a flip leaves the domain")
        need(step["accept"] in BALANCED, "the acceptance is not seen to be balanced")
        same = energy is None or self.is_flat(
            ["sum", energy, scaled("-1", self.energy)], *self.variables
        )
        need(same, "the ratio is not that of H")
        if "map" in step:
            return self.map(step["map"], flip)
        if "jump" in step:
            return self.jump(step["jump"], flip)
        return self.word(step, flip)

    def map(self, images, flip):
        """A closed form that undoes itself, its true log-volume in the ratio."""
        need(not flip, "a closed form beside a flip")
        for x, image in images.items():
            need(x in self.variables and self.domain(x)["kind"] == "real", "a map off the line")
            need(self.is_free(image, *self.functions), f"the image of {x} has unknown functions")
            need(not {"grad", "div"} & operations(image), f"the image of {x} has derivatives")
            is_undone = self.is_same(with_choice(image, images), ["symbol", x])
            need(is_undone, "the map made twice is not seen to be the identity")
        return []

    def delayed(self, step):
        """A second attempt, its ratio with the first rejection seen from both ends (Mira 2001)."""
        first, second = step["first"], step["second"]
        for attempt in (first, second):
            need("jump" not in attempt, "delayed rejection of a jump")
            letters = attempt.get("letters", {}).values()
            need(not any(letter["diffusion"] for letter in letters), "delayed rejection with noise")
        need(step["remembers"] is True, "the second ratio forgets the first rejection")
        return self.metropolis(first) + self.metropolis(second)

    def jump(self, jump, flip):
        """x' = mean(x) + scale * normal, its densities in the ratio unless they are equal."""
        (x,) = listed([jump["variable"]], self.variables)
        mean, scale = jump["mean"], jump["scale"]
        need(not flip and self.domain(x)["kind"] == "real", "a jump beside a flip, or off the line")
        need(self.formula(mean, x) is not None and self.formula(scale) is not None, "its shape")
        need(self.sign(scale) >= POSITIVE, "the scale is not seen to be positive")
        is_walk = self.is_same(mean, ["symbol", x]) and self.is_free(scale, x)
        need(is_walk or not jump["symmetric"], "the densities of the proposal are left out")
        return []

    def word(self, step, flip):
        """Flows of letters, palindromic in letters and shares; L times."""
        letters, word = step["letters"], [(name, number(share)) for name, share in step["word"]]
        need(word and word == word[::-1], "the word is no palindrome")
        need(self.are_constant(step["step_size"]), "the step size reads the state")
        need(not self.value(step["step_size"])[0], "the step size is no number")
        need({name for name, _ in word} == {*letters}, "the letters of the word")
        for name, letter in letters.items():
            need(all(x in self.variables for x in letter["drift"]), f"what {name} moves")
            named = [*letter["drift"], *(x for x, _, _ in letter["diffusion"])]
            is_line = all(self.domain(x)["kind"] == "real" for x in named)
            need(is_line, f"{name} leaves the domain")
            at = self.letter(letter)
            at.moves(name)
            if letter["diffusion"]:
                forwards = [share > 0 for other, share in word if other == name]
                need(all(forwards) and self.sign(step["step_size"]), "noise backwards")
                at.noise(name, flip)
            else:
                at.flow(name, letter["log_volume"], flip)
        steps = step["steps"]
        if isinstance(steps, list):  # drawn anew each time
            weights = [self.value(weight) and weight for _, weight in steps]
            need(all(self.sign(w) and self.are_constant(w) for w in weights), "a probability")
            need(self.is_same(["sum", *weights, ZERO], ONE), "the probabilities do not add up to 1")
            need(all(type(n) is int and n >= 0 for n, _ in steps), "the numbers of steps")
        else:
            is_any = isinstance(steps, str) and steps.isidentifier() and steps not in self.symbols
            need(is_any or (type(steps) is int and steps >= 0), "the number of steps")
        return []

    def letter(self, letter):
        """A letter as a dynamics with the law of the kernel; what it does not name stands still."""
        model = {**self.model, "drift": {**self.drift, **letter["drift"]}}
        return type(self)({**model, "diffusion": letter["diffusion"]}, self.fixed, self.pairs)

    def moves(self, name):
        """Drift affine in what moves, noise free of it: solutions exist for all times."""
        moved = [x for x in self.variables if not self.vanishes(self.drift[x])]
        moved += [x for pair in self.blocks for x in pair]
        slopes = [["grad", self.drift[x], y] for x in self.variables for y in moved]
        parts = [*slopes, *self.blocks.values()]
        need(all(self.is_flat(part, *moved) for part in parts), f"{name} is not affine")

    def noise(self, name, flip):
        """A letter with noise keeps detailed balance, and the flip does not change it."""
        need(self.is_turned(self.energy, flip, 1), "the flip is not seen to keep H")
        self.diffusion_symmetric({})
        self.diffusion_psd({})
        for x in self.variables:
            own = -1 if x in flip else 1
            need(self.vanishes(self.current(x)), f"{name} is not seen to be in balance")
            need(self.is_turned(self.drift[x], flip, own), f"the flip changes {name}")
        for (x, y), block in self.blocks.items():
            sign = -1 if (x in flip) != (y in flip) else 1
            need(self.is_turned(block, flip, sign), f"the flip changes {name}")

    def flow(self, name, volume, flip):
        """The flip runs a letter backwards, and the log-volume that is counted is the true one."""
        for x in self.variables:
            sign = 1 if x in flip else -1
            is_turned = self.is_turned(self.drift[x], flip, sign)
            need(is_turned, f"the flip does not run {name} backwards")
        true = ["sum", ZERO, *(["div", self.drift[x], x] for x in self.variables)]
        need(volume is None or self.is_same(volume, true), f"the log-volume of {name}")


def check_kernel(certificate):
    """(whether the kernel is certified, {part: (whether it is certified, a sentence)})."""
    model, said = certificate["model"], {}
    need(certificate["format"] == KERNEL_FORMAT, f"not of format {KERNEL_FORMAT}")
    need(certificate["claim"] == {"verdict": "proved"}, "another claim")
    need(model["steps"] and isinstance(model["steps"], list), "there is no step")
    claims = KernelClaims(model, {}, certificate["shown"])
    need(not claims.blocks and all(map(claims.vanishes, claims.drift.values())), "a law that moves")
    rules = {"refresh": claims.refresh, "flip": claims.flip, "metropolis": claims.metropolis}
    rules["delayed"] = claims.delayed
    jobs = [(name, getattr(claims, name), certificate["law"][name]) for name in LAW]
    jobs += [
        (f"step {k}: {step['kind']}", rules.get(step["kind"]), step)
        for k, step in enumerate(model["steps"], start=1)
    ]
    for name, rule, evidence in jobs:
        try:
            need(rule, "a step of another kind")
            need("open" not in evidence, evidence.get("open"))
            said[name] = True, "; assuming: ".join(["proved", *dict.fromkeys(rule(evidence))])
        except Refused as reason:
            said[name] = False, str(reason)
    return all(is_certified for is_certified, _ in said.values()), said


def _main(path):
    try:
        is_certified, said = check_kernel(parsed(Path(path).read_text(encoding="utf-8")))
    except Refused as reason:
        print("REJECTED:", ascii(str(reason)))
        return 1
    except (*UNREADABLE, OSError) as error:
        print("NO CERTIFICATE:", type(error).__name__, ascii(str(error)))
        return 2
    for name, (is_seen, sentence) in said.items():
        print("certified    " if is_seen else "not certified", name, ascii(sentence)[1:-1])
    print("CERTIFIED: proved" if is_certified else "NOT CERTIFIED as a whole")
    return 0 if is_certified else 3


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
