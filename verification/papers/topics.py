"""Figure 3(d) of the SGNHT paper: semi-collapsed topics, 30 of them, of 765 documents.

The abstracts of the source are not obtainable; news of the Associated Press cut to their size stand
for them (765 documents, 2,000 words, 48,656 tokens). theta_kw ~ N(0.1, 1), topics phi_k =
softmax(theta_k), the topics of each document Dirichlet(0.1) and summed out. The topics z of the
tokens are drawn by Gibbs steps inside the run (`sk.update`), those of 100 documents before each
step, and the sampler gets the gradient at their counts, scaled to all documents. Perplexity is
that of half the tokens of held-out documents given the other half, under the mean prediction.
Not for the samplers (`_figure_3`).
"""

from __future__ import annotations

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import sdekit as sk
from verification._data import folder
from verification.papers._experiment import experiment, spread
from verification.papers._figure_3 import (
    best,
    grid_of_parts,
    kinetic_row,
    reached,
    sampled,
    state_of,
    told_grid,
    write_with_figure,
)

SETTINGS = {
    "cells": None,
    "seed": 5, "topics": 30, "alpha": 0.1, "documents": None, "folds": 5, "folds_run": 5,
    "batch": 100, "sweeps": 2, "steps": 50_000, "burn_in": 10_000, "thin": 400,
    "test_sweeps": 20, "a": (0.01, 0.1), "eta": (2e-5, 4e-5, 6e-5, 8e-5),
}  # fmt: skip
REDUCED = {
    "cells": (("SGNHT", 0.01, 2e-5, 0), ("SGHMC", 0.01, 2e-5, 0)), "steps": 10_000,
    "burn_in": 5_000, "thin": 100,
}  # fmt: skip
QUICK = {
    "cells": None,
    "documents": 30, "topics": 3, "batch": 5, "folds_run": 1, "steps": 20, "burn_in": 10,
    "thin": 5, "test_sweeps": 4, "a": (0.01,), "eta": (2e-5,),
}  # fmt: skip


def corpus(settings):
    """Words of the tokens of each document, -1 behind the last; documents in random order."""
    path = folder("text", "ap_small.npz")
    if path is None:
        return None
    with np.load(path, allow_pickle=False) as archive:
        document, word, count = (archive[k].astype(int) for k in ("doc", "word", "count"))
    rng = np.random.default_rng(settings["seed"])
    order = rng.permutation(document.max() + 1)[: settings["documents"]]
    found = [np.repeat(word[document == d], count[document == d]) for d in order]
    tokens = np.full((len(found), max(map(len, found))), -1)
    for row, words in zip(tokens, found, strict=True):
        row[: len(words)] = rng.permutation(words)
    return tokens


def sweep(key, topics, words, chances, alpha):
    """Topics of every token drawn anew, one place of all documents after the other.

    Args:
        key: Of JAX.
        topics: Shape (documents, places).
        words: Shape (documents, places); -1 where there is no token.
        chances: phi, shape (topics, words).
        alpha: Of the Dirichlet prior.

    Returns:
        The topics, and their counts in each document, shape (documents, topics).
    """
    numbers = jnp.arange(len(chances))
    real = (words >= 0)[..., None]
    ones = (topics[..., None] == numbers) & real
    uniforms = jax.random.uniform(key, words.shape)

    def place(counts, given):
        own, of_word, uniform = given
        others = counts - own
        heights = jnp.cumsum((alpha + others) * of_word, axis=1)
        drawn = jnp.sum(heights < uniform[:, None] * heights[:, -1:], axis=1)
        now = (drawn[:, None] == numbers) & own.any(axis=1, keepdims=True)
        return others + now, drawn

    by_place = (ones.swapaxes(0, 1), jnp.moveaxis(chances.T[words], 1, 0), uniforms.T)
    counts, drawn = jax.lax.scan(place, ones.sum(axis=1).astype(chances.dtype), by_place)
    return drawn.T.astype(topics.dtype), counts


def counted(topics, words, shape):
    """Tokens of each topic and word, shape (topics, words)."""
    places = topics * shape[1] + words
    real = (words >= 0).astype(float)
    return jnp.zeros(shape[0] * shape[1]).at[places.ravel()].add(real.ravel()).reshape(shape)


def gibbs(settings, tokens, size):
    """New topics for the tokens of a batch of documents, and the counts they stand for."""
    words, shape = jnp.asarray(tokens), (settings["topics"], size)

    def draw_topics(key, theta, auxiliary, extra):
        del auxiliary
        which, *keys = jax.random.split(key, 1 + settings["sweeps"])
        rows = jax.random.permutation(which, len(words))[: settings["batch"]]
        mine, topics = words[rows], extra["z"][rows]
        chances = jax.nn.softmax(theta, axis=1)
        for own in keys:
            topics, _ = sweep(own, topics, mine, chances, settings["alpha"])
        scale = len(words) / settings["batch"]
        counts = scale * counted(topics, mine, shape)
        return {"extra": {"z": extra["z"].at[rows].set(topics), "counts": counts}}

    return draw_topics


def potential(theta, extra):
    """-log p(theta, words, z) at the counts of z, up to a constant."""
    chances = jax.nn.log_softmax(theta, axis=1)
    return jnp.sum((theta - 0.1) ** 2) / 2 - jnp.sum(extra["counts"] * chances)


@partial(jax.jit, static_argnames=("sweeps", "alpha"))
def predictive(key, theta, known, asked, sweeps, alpha):
    """p(token) of the second half of each document given the first, shape of `asked`."""
    chances = jax.nn.softmax(theta, axis=1)

    def one(state, own):
        topics, total = state
        topics, counts = sweep(own, topics, known, chances, alpha)
        weights = alpha + counts
        weights = weights / weights.sum(axis=1, keepdims=True)
        return (topics, total + jnp.einsum("dk,kdl->dl", weights, chances[:, asked])), None

    begin = jax.random.randint(key, known.shape, 0, len(chances))
    for count in (sweeps // 2, sweeps - sweeps // 2):
        key, own = jax.random.split(key)
        (begin, total), _ = jax.lax.scan(
            one, (begin, jnp.zeros(asked.shape)), jax.random.split(own, count)
        )
    return total / count


def perplexity(chances, asked):
    """exp(-mean log p) of the tokens that are asked for."""
    return float(np.exp(-np.mean(np.log(np.asarray(chances)[asked >= 0]))))


def halves(held):
    """Every other token of held-out documents, and the others."""
    return jnp.asarray(held[:, ::2]), jnp.asarray(held[:, 1::2])


def trained(settings, tokens, key):
    """Perplexity of held-out tokens, kinetic energy, and what the run cost."""
    fold, size = key[-1], int(tokens.max()) + 1
    is_held = np.arange(len(tokens)) % settings["folds"] == fold
    training, (known, asked) = tokens[~is_held], halves(tokens[is_held])
    rng = np.random.default_rng(fold)
    shape = settings["topics"], size
    z = jnp.asarray(rng.integers(shape[0], size=training.shape))
    run = sampled(
        settings, key, 0.1 + rng.standard_normal(shape), potential,
        record=["theta", "p", *(["xi"] if key[0] == "SGNHT" else [])],
        updates=[sk.update(gibbs(settings, training, size))],
        extra={"z": z, "counts": counted(z, jnp.asarray(training), shape)},
    )  # fmt: skip
    draws, keys = run.position[0], jax.random.split(jax.random.key(fold), run.draws)
    given = known, asked, settings["test_sweeps"], settings["alpha"]
    each = [np.asarray(predictive(k, theta, *given)) for k, theta in zip(keys, draws, strict=True)]
    seen = 1 + np.bincount(training[training >= 0], minlength=size)
    alone = (seen / seen.sum())[np.asarray(asked)]
    return {
        "perplexity": perplexity(np.mean(each, axis=0), asked),
        "of one draw": float(np.mean([perplexity(one, asked) for one in each[-10:]])),
        "of the frequencies of words": perplexity(alone, asked),
        **state_of(run, key),
    }


def judge(record, settings, found):
    folds = len({key[-1] for key in found})
    ran = f"{folds} of {settings['folds']} folds, {settings['steps']:,} iterations"
    a, eta, least = best(found, "perplexity")
    usual = [part["of the frequencies of words"] for part in found.values() if "kinetic" in part]
    record.row(
        "Figure 3(d): topics by SGNHT predict held-out words (stand-in of the same size)",
        "a figure, no number in the text",
        f"perplexity {spread(reached(found, 'perplexity', 'SGNHT', a, eta))} at a = {a:g}, "
        f"eta = {eta:g}; {spread(usual)} by the frequencies of words; {ran}", least < min(usual),
    )  # fmt: skip
    told, worse = told_grid(found, "perplexity", "perplexity")
    record.row(
        "Figure 3(d): SGHMC gets worse as eta grows (SGNHT / SGHMC)",
        "worse, and diverging at the largest eta and small a", f"{told}; {ran}", worse,
    )  # fmt: skip
    kinetic_row(record, "Figure 3(d): K stays at 0.5 for SGNHT", found)


def main() -> int:
    record, settings = experiment("topics", SETTINGS, QUICK, REDUCED)
    tokens = corpus(settings)
    if tokens is None:
        return 0
    found = grid_of_parts(
        record, settings, range(settings["folds_run"]), lambda key: trained(settings, tokens, key)
    )
    judge(record, settings, found)
    write_with_figure(record, settings, found, "perplexity", "perplexity of held-out words")
    return 0


if __name__ == "__main__":
    sys.exit(main())
