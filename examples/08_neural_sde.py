"""A neural SDE learned from pairs of states: reverse mode through the paths of `sk.solve`.

The drift is a network that is declared like any other, its weights are vector parameters. What is
minimized is the energy score of simulated against observed ends, least at the law of the data.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

import sdekit as sk

PAIRS, WIDTH, ROUNDS = 500, 16, 250
HOW = {"t1": 0.5, "steps": 8, "scheme": "EM", "save": "end"}
x, n, s = sk.scalar("x"), sk.dim("n"), sk.parameter("s")
a, b, w = (sk.parameter(name, n) for name in "abw")
NEURAL = sk.Dynamics(drift={x: sk.dot(a, sk.tanh(w * x + b))}, noise={x: sk.exp(s)})
TRUTH = sk.Dynamics(drift={x: 2 * x - 2 * x**3}, noise={x: 1})


@partial(jax.jit, static_argnums=0)
def ends_of(dynamics, starts, key, parameters):
    """One end for each start."""
    solved = partial(sk.solve, dynamics, parameters=parameters, **HOW)
    one = jax.vmap(lambda start, key: solved(start, key=key).position)
    return one(starts, jax.random.split(key, PAIRS))


def scores_of(dynamics, weights, starts, seen, key):
    """|X - seen| - |X - X'| / 2 of two simulated ends: the energy score, pair by pair."""
    one, other = (ends_of(dynamics, starts, k, weights) for k in jax.random.split(key))
    return (jnp.abs(one - seen) + jnp.abs(other - seen) - jnp.abs(one - other)) / 2


@jax.jit
def improved(weights, state, key):
    """One step of the optimizer, with new noise."""
    slope = jax.grad(lambda given: jnp.mean(scores_of(NEURAL, given, *TRAINING, key)))(weights)
    step, state = optimizer.update(slope, state)
    return optax.apply_updates(weights, step), state


starts = jax.random.uniform(jax.random.key(0), (2, PAIRS), minval=-2.0, maxval=2.0)
ends = (ends_of(TRUTH, x0, jax.random.key(k), {}) for x0, k in zip(starts, (8, 9), strict=True))
TRAINING, TEST = zip(starts, ends, strict=True)
spread = jax.random.normal(jax.random.key(1), (2, WIDTH))
first = {"a": jnp.zeros(WIDTH), "b": spread[0], "w": 2 * spread[1], "s": jnp.log(0.3)}
weights, optimizer = first, optax.adam(optax.cosine_decay_schedule(0.05, ROUNDS))
state = optimizer.init(weights)
for k in range(ROUNDS):
    weights, state = improved(weights, state, jax.random.key(100 + k))
best = np.asarray(scores_of(TRUTH, {}, *TEST, key := jax.random.key(2)))
for name, given in (("untrained", first), ("learned", weights)):
    excess = np.asarray(scores_of(NEURAL, given, *TEST, key)) - best
    z = excess.mean() / (excess.std() / np.sqrt(PAIRS))
    print(f"{name}: score {excess.mean():+.4f} above that of the truth, z = {z:+.1f}")
    assert (z > 4.5) if name == "untrained" else abs(z) < 4.5
