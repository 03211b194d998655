"""Figure 3(c) of the SGNHT paper: a data set of the shape of Netflix's; cost and memory.

The ratings are withdrawn. As many are drawn for as many users and movies from factors of rank 10,
users and movies chosen with unequal chances, and lie on the disk (`np.memmap`): of a batch of
40,000 only its rows are read. The paper's iterations are too many for a small machine: some are
timed behind others that compile, and held-out ratings say whether the chain moves the right way.
Not for the model (`matrix_factorization`).
"""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import sdekit as sk
from verification.papers._experiment import experiment
from verification.papers.matrix_factorization import posterior, predicted

SETTINGS = {
    "seed": 12, "users": 480_189, "movies": 17_770, "ratings": 100_480_507, "held": 100_000,
    "rank": 10, "batch": 40_000, "steps": 60, "parts": 4, "a": 0.01, "eta": 8e-7,
    "published_steps": 100_000,
}  # fmt: skip
REDUCED = {"ratings": 10_000_000, "steps": 10}
QUICK = {
    "users": 300, "movies": 100, "ratings": 5000, "held": 500, "batch": 50, "steps": 10,
}  # fmt: skip

PRECISIONS = {"u": 5.0, "v": 5.0, "a": 5.0, "b": 5.0, "tau": 1.3}
KINDS = {"u": np.int32, "v": np.int32, "r": np.float32}


def drawn(settings, rng, truth, count):
    """Ratings of random pairs: unequal chances by squares of uniform numbers."""
    user, movie = (
        (settings[k] * rng.random(count, np.float32) ** 2).astype(np.int32)
        for k in ("users", "movies")
    )
    mean = np.einsum("ij,ij->i", truth["u"][user], truth["v"][movie])
    mean += truth["a"][user] + truth["b"][movie]
    noise = rng.standard_normal(count, np.float32) / np.sqrt(PRECISIONS["tau"])
    return {"u": user, "v": movie, "r": (mean + noise).astype(np.float32)}


def parameters(settings, rng):
    """Factors and offsets from their priors."""
    shapes = {
        "u": (settings["users"], settings["rank"]),
        "v": (settings["movies"], settings["rank"]),
    }
    shapes |= {"a": shapes["u"][:1], "b": shapes["v"][:1]}
    return {
        k: rng.standard_normal(shape, np.float32) / np.float32(np.sqrt(PRECISIONS[k]))
        for k, shape in shapes.items()
    }


def on_disk(settings, rng, truth, folder):
    """Memory maps of all ratings, written a few million at a time."""
    size, piece = settings["ratings"], 4_000_000
    names = {k: Path(folder) / f"{k}.bin" for k in KINDS}
    maps = {k: np.memmap(names[k], kind, "w+", shape=(size,)) for k, kind in KINDS.items()}
    for first in range(0, size, piece):
        found = drawn(settings, rng, truth, min(piece, size - first))
        for k, values in found.items():
            maps[k][first : first + len(values)] = values
    del maps
    return {k: np.memmap(names[k], kind, "r", shape=(size,)) for k, kind in KINDS.items()}


def peak():
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(settings):
    """Seconds of a step, memory, and the error before and after."""
    rng = np.random.default_rng(settings["seed"])
    truth = parameters(settings, rng)
    held = jax.tree.map(jnp.asarray, drawn(settings, rng, truth, settings["held"]))
    begin = {k: (0.1 * x).astype(np.float32) for k, x in parameters(settings, rng).items()}

    def error(factors):
        return float(jnp.sqrt(jnp.mean((held["r"] - predicted(factors, held)) ** 2)))

    with tempfile.TemporaryDirectory() as folder:
        data = on_disk(settings, rng, truth, folder)
        whole = posterior(settings, data)
        target = sk.Minibatch(
            lambda factors: whole.log_prior(factors, PRECISIONS),
            lambda factors, rows: whole.log_likelihood(factors, PRECISIONS, rows),
            data, settings["batch"], vectorized=True,
        )  # fmt: skip
        before = peak()
        sampler = sk.sampler(
            sk.catalog.get("sgnht-paper"), target, scheme="Algorithm2",
            parameters={"a": settings["a"], "eta": settings["eta"]},
        )  # fmt: skip
        options = {"steps": settings["steps"], "thin": settings["steps"], "record": ["theta"]}
        run = sk.simulate(sampler, begin, seed=settings["seed"], **options)
        # The last of these compiles nothing.
        for _ in range(settings["parts"] - 1):
            run = sk.simulate(sampler, start_from=run, seed=settings["seed"], **options)
    last = jax.tree.map(lambda leaf: leaf[0, -1], run.position)
    return {
        "seconds": run.seconds, "step": run.seconds / settings["steps"], "peak before": before,
        "peak": peak(), "data": sum(x.nbytes for x in data.values()) / 2**20,
        "state": sum(x.nbytes for x in begin.values()) / 2**20,
        "error": [error(begin), error(last)], "noise": PRECISIONS["tau"] ** -0.5,
    }  # fmt: skip


def main() -> int:
    record, settings = experiment("netflix_shape", SETTINGS, QUICK, REDUCED)
    part = record.part({"sampler": "SGNHT"}, lambda: measured(settings))
    hours = part["step"] * settings["published_steps"] / 3600
    ran = settings["parts"] * settings["steps"]
    record.row(
        "Figure 3(c): cost and memory at the size of Netflix's data, drawn ratings on the disk",
        "-",
        f"{settings['ratings']:,} ratings of {settings['users']:,} users: "
        f"{1000 * part['step']:.0f} ms an iteration of {settings['batch']:,} ratings ("
        f"{hours:.0f} h for the published {settings['published_steps']:,}), "
        f"peak {part['peak']:.0f} MB, of which {part['peak before']:.0f} before the run; data "
        f"{part['data']:.0f} MB, one copy of the state {part['state']:.0f} MB; RMSE of held-out "
        f"ratings {part['error'][0]:.3f} to {part['error'][1]:.3f} in {ran} "
        f"iterations, noise {part['noise']:.3f}", None,
    )  # fmt: skip
    record.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
