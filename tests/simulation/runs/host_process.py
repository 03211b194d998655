"""What each process of tests/simulation/runs/test_hosts.py runs.

Arguments are its number, the port of the first one, and a folder. Not for import by other tests.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import sdekit as sk
from sdekit.errors import DivergenceError
from sdekit.simulation.loop import blocks as plan
from sdekit.simulation.loop import driver
from sdekit.simulation.store import sinks
from sdekit.simulation.store.zarr_store import SampleStore

PROCESSES = 2
OPTIONS = {"step_size": 0.1, "steps": 60, "thin": 2, "chains": 7, "seed": 4}


def ornstein_uhlenbeck():
    """Of two variables, one auxiliary: starts are drawn, from the user's and from H's law."""
    x, p = sk.scalar("x"), sk.scalar("p")
    return sk.Dynamics(
        drift={x: p, p: -x - p},
        diffusion={p: 1},
        hamiltonian=x**2 / 2 + p**2 / 2,
        target=x**2 / 2,
    )


def plain_runs(folder, name):
    """A run with observables, and one with another start of each chain that diverges in some."""
    sampler = sk.sampler(ornstein_uhlenbeck(), scheme="EM")
    watched = {"square": lambda blocks: jnp.stack([blocks["x"], blocks["p"] ** 2])}
    run = sk.simulate(sampler, jax.random.normal, observables=watched, **OPTIONS)
    # The layout fixed, every bit is the same.
    again = sk.simulate(sampler, jax.random.normal, observables=watched, **OPTIONS)
    assert np.array_equal(again.samples["x"], run.samples["x"])
    everyone = run.gathered()
    square = everyone.observed["square"]
    x = sk.scalar("x")
    explosion = sk.Dynamics(drift={x: x**3}, diffusion={x: sk.parameter("D", positive=True)})
    options = {"parameters": {"D": 1e-12}, **OPTIONS, "steps": 40, "thin": 1}
    try:
        sk.simulate(explosion, lambda key: jax.random.uniform(key, maxval=0.9), **options)
        told = ""
    except DivergenceError as error:
        told = str(error)
    np.savez(
        folder / f"{name}.npz", own=run.samples["x"], first=run.first_chain, told=told,
        everyone=everyone.samples["p"], mean=square.mean, variance=square.variance,
        weight=square.weight, total=everyone.chains,
    )  # fmt: skip


def stored_runs(folder, number):
    """Two processes write below one path; the second is stopped, then both resume."""
    driver.PACE, sinks.WRITING_SHARE, plan.BLOCK_STEPS = 0.0, 1e9, 8
    dynamics, path = ornstein_uhlenbeck(), folder / "run.zarr"
    append = SampleStore.append

    def killed(store, first_draw, *rest):
        if first_draw > 10 and number == 1:
            raise KeyboardInterrupt
        append(store, first_draw, *rest)

    SampleStore.append = killed
    try:
        sk.simulate(dynamics, 0.5, scheme="EM", store=path, **OPTIONS)
        stopped = False
    except KeyboardInterrupt:
        stopped = True
    assert stopped == (number == 1)
    SampleStore.append = append
    run = sk.simulate(dynamics, 0.5, scheme="EM", store=path, resume=True, **OPTIONS)
    assert run.samples["x"].shape[1] == OPTIONS["steps"] // OPTIONS["thin"]


def told_errors(folder):
    """What each process is told where the arguments cannot be those of several."""
    dynamics = ornstein_uhlenbeck()
    wrong = [
        {"chains": 1},
        {"devices": jax.devices()},
        {"store": SampleStore(folder / "object.zarr")},
        {"store": folder / "run.zarr"},
    ]
    for options in wrong:
        try:
            sk.simulate(dynamics, 0.5, scheme="EM", **{**OPTIONS, **options})
        except sk.SdekitError as error:
            yield str(error)
        else:
            yield "no error"


def main():
    number, port, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", PROCESSES, number, initialization_timeout=60)
    plain_runs(folder, number)
    stored_runs(folder, number)
    (folder / f"{number}.txt").write_text("\n".join(told_errors(folder)))


if __name__ == "__main__":
    main()
