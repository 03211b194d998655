"""Mutants beyond one changed term: two changes at once, jumps, walls and noise factors.

Each comes with what it must not be called, judged by numbers where it can be decided by them:

- `pairs`: a random mutant of a random mutant of a random entry, for every n as declared;
- `jumps`: s/(2 |s|) added to H, s = x for a scalar and |x|^2 - 1 for a block; its law is not
  stationary where the noise reaches across the surface or the current crosses it;
- `walls`: a scalar of the real line declared positive; no claim holds where the current crosses 0;
- `noise_factors`: D = c I written as noise sqrt(2 c), sqrt(-2 c) and sqrt(2 c - 2).

Not for the judgement of the verdicts: that is `mutation.judged`.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numeric_oracle as oracle

import sdekit as sk
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.symbols import Variable

#: What a mutant must not be called and why, or None; the checks and whole verdict are given.
Forbidden = Callable[[dict[str, str], str], str | None]
Mutants = Callable[[sk.Dynamics], Iterator[tuple[str, sk.Dynamics]]]
#: A flux below this is zero: central differences of balls are exact to 1e-35.
ZERO = 1e-15


def given(dynamics: sk.Dynamics, **changed: object) -> sk.Dynamics:
    """The same declaration with some parts replaced."""
    parts = {
        "drift": dict(dynamics.drift), "diffusion": dict(dynamics.diffusion),
        "gradient_noise": dict(dynamics.gradient_noise), "hamiltonian": dynamics.hamiltonian,
        "target": dynamics.target, "name": dynamics.name,
        "target_variables": dynamics.target_variables,
    }  # fmt: skip
    return sk.Dynamics(**{**parts, **changed})


def pairs(
    entries: list[sk.Dynamics], mutants: Mutants, count: int, seed: int
) -> Iterator[tuple[str, str, sk.Dynamics]]:
    """Random mutants of random mutants, each once; entries weigh as many mutants as they have."""
    first = [(d.name, change, mutant) for d in entries for change, mutant in mutants(d)]
    rng = random.Random(seed)
    seen: set[sk.Dynamics] = {mutant for _, _, mutant in first} | set(entries)
    found = 0
    while found < count:
        name, change, mutant = rng.choice(first)
        second = list(mutants(mutant))
        if not second:
            continue
        again, changed = rng.choice(second)
        if changed not in seen:
            seen.add(changed)
            found += 1
            yield name, f"{change} and {again}", changed


def _crossing(dynamics: sk.Dynamics, x: Variable) -> tuple[float, float]:
    """The current through the surface s = 0 over the density, and |D grad s|, at random points.

    The surface is x = 0 for a scalar and |x| = 1 for a block; the largest of each is returned.
    """
    plain = dynamics.ito()
    flux = noise = 0.0
    open_dims = [dim.name for dim in plain.dimensions if dim.size is None]
    for n in (1, 2) if open_dims else (1,):
        for seed in range(3):
            scene = oracle.Scene(plain, dict.fromkeys(open_dims, n), 500 * n + seed)
            block = scene.values[x.name]
            if x.shape:
                length = sum((value**2 for value in block.values()), oracle.arb(0)).sqrt()
                block = {i: value / length for i, value in block.items()}
                normal = block
            else:
                block = {(): oracle.Real.number(Fraction(0))}
                normal = {(): oracle.Real.number(Fraction(1))}
            scene.values[x.name] = block
            try:
                through, spread = _normal_parts(scene, plain, x, normal)
            except (ZeroDivisionError, KeyError, ValueError):
                continue
            flux, noise = max(flux, abs(through)), max(noise, abs(spread))
    return flux, noise


def _normal_parts(scene, dynamics, x, normal) -> tuple[float, float]:
    """(v + D grad H - div D) . normal, and the largest entry of D normal."""
    drift = dynamics.drift[x]
    entries = scene.value(drift)
    total = sum((normal[i] * entries[i if drift.shape else ()] for i in normal), oracle.arb(0))
    spread: dict[tuple[str, tuple[int, ...]], object] = {}
    for (left, right), block in dynamics.blocks():
        if left != x:
            continue
        for j in scene.indices(right.shape):

            def weighted(block=block, j=j):
                values = scene.value(block)
                return sum((normal[i] * values[i + j] for i in normal), oracle.arb(0))

            here = weighted()
            spread[right.name, j] = here
            slope = scene.derivative(lambda: scene.scalar(dynamics.hamiltonian), right, j)
            total += here * slope - scene.derivative(weighted, right, j)
    largest = max((abs(float(value.mid())) for value in spread.values()), default=0.0)
    return float(total.mid()), largest


def jumps(dynamics: sk.Dynamics) -> Iterator[tuple[str, sk.Dynamics, Forbidden]]:
    for x in dynamics.variables:
        if x.domain.kind != "real" or x.symmetry:
            continue
        surface = x if not x.shape else sk.dot(x, x) - 1
        flux, noise = _crossing(dynamics, x)
        crossed = max(flux, noise) > ZERO
        root = sk.sqrt(surface**2)
        for name, jump in (("jump", surface / (2 * root)), ("step", root / (2 * surface))):
            try:
                mutant = given(dynamics, hamiltonian=dynamics.hamiltonian + jump)
            except sk.SdekitError:
                continue
            yield f"hamiltonian: {name} in {x.name}", mutant, _not_proved(crossed, "a jump crossed")


def walls(dynamics: sk.Dynamics) -> Iterator[tuple[str, sk.Dynamics, Forbidden]]:
    for x in dynamics.variables:
        if x.shape or x.domain.kind != "real":
            continue
        crossed = _crossing(dynamics, x)[0] > ZERO
        text = dynamics.to_toml()
        for line in text.splitlines():
            if line.startswith(f"{x.name} = {{ ") and "shape" not in line:
                wall = line.replace("{ ", '{ domain = "positive", ').replace(", }", " }")
                mutant = _read(text.replace(line, wall, 1))
                if mutant is not None:
                    yield f"wall at {x.name} = 0", mutant, _not_proved(crossed, "a wall crossed")
                break


def _read(text: str) -> sk.Dynamics | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mutant.toml"
        path.write_text(text, encoding="utf-8")
        try:
            return sk.load(path)
        except sk.SdekitError:
            return None


def _not_proved(false: bool, why: str) -> Forbidden:
    def forbidden(_: dict[str, str], verdict: str) -> str | None:
        return f"PROVED with {why}" if false and verdict == "proved" else None

    return forbidden


def noise_factors(dynamics: sk.Dynamics) -> Iterator[tuple[str, sk.Dynamics, Forbidden]]:
    """D = c I of one block as noise; the sibling with D itself tells the eigenvalues."""
    for (x, y), block in dynamics.diffusion.items():
        factor = _scalar_factor(block)
        if x != y or factor is None or len(dynamics.diffusion) > 1 or dynamics.gradient_noise:
            continue
        for name, square in (
            ("noise", 2 * factor), ("unreal", -2 * factor), ("shifted", 2 * factor - 2)
        ):  # fmt: skip
            eye = block.factors[-1] if isinstance(block, ex.Product) else 1
            try:
                sibling = given(dynamics, diffusion={x: square / 2 * eye})
                mutant = given(dynamics, diffusion=None, noise={x: sk.sqrt(square) * eye})
            except (sk.SdekitError, TypeError):
                continue
            negative = oracle.smallest_eigenvalue(sibling) < -1e-9
            yield f"noise[{x.name}]: {name}", mutant, _not_real(negative)


def _scalar_factor(block: ex.Expression) -> ex.Expression | None:
    if not block.shape:
        return block
    if isinstance(block, ex.Product) and isinstance(block.factors[-1], ex.Eye):
        rest = block.factors[:-1]
        if all(not part.shape for part in rest):
            total = rest[0]
            for part in rest[1:]:
                total = total * part
            return total
    return None


def _not_real(negative: bool) -> Forbidden:
    def forbidden(verdicts: dict[str, str], verdict: str) -> str | None:
        if negative and "proved" in (verdict, verdicts["diffusion_psd"]):
            return "noise with a negative square called real"
        return None

    return forbidden
