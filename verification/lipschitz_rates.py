"""Lipschitz rates against constant and decaying ones: iterations to a given loss.

- MAE and quantile regression on real tables, full-batch subgradient steps on linear models;
- softmax regression on digits, full batch;
- MNIST with a network 784-64-10, minibatches of 128, all rules through Optax.

The target is a loss that the best rule of the problem reaches with room: what the best rate reaches
plus 2 % of the way there from the start (MNIST: a training loss of 0.3). A speed-up is iterations
of a constant rate over iterations of a Lipschitz rule. The source claims 5 to 20 times; `claim` in
the JSON says where that appears and where not. It depends on the rate one compares with, so the
best of a grid of constant rates stands beside the common ones.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from _data import folder, read_idx, read_table
from _results import Report, arguments, table

from sdekit.theory.lipschitz import rates as lipschitz
from sdekit.theory.lipschitz.losses import mean_gradient, mean_loss

SEED = 0
TABLES = {"sk_diabetes": "target", "sm_randhie": "mdvis", "sm_engel": "foodexp"}
CONSTANT = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.001)
#: What a user tries first, and the source compares with.
COMMON = (0.1, 0.01, 0.001)
#: MNIST: training loss to reach.
TARGET = 0.3


def rules(loss, design, y, options):
    """Rate at iteration k of every rule."""
    found = {
        mode: lipschitz.constant(loss, design, y, mode=mode, **options)
        for mode in ("bound", "paper")
    }
    table = {f"lipschitz {mode}": (lambda k, c=c: c.rate) for mode, c in found.items()}
    table["lipschitz bound / sqrt(k)"] = lambda k: found["bound"].rate / np.sqrt(k + 1)
    for rate in CONSTANT:
        table[f"constant {rate:g}"] = lambda k, rate=rate: rate
    for rate in (1.0, 0.1):
        table[f"decay {rate:g}/(1+k/100)"] = lambda k, rate=rate: rate / (1 + k / 100)
    return table


def descend(loss, design, y, rate, steps, quantile):
    """Best loss so far after each iteration."""
    shape = (design.shape[1], 10, 1) if loss == "softmax" else (design.shape[1], 1)
    weights, values = np.zeros(shape), []
    for k in range(steps):
        values.append(float(mean_loss(loss, design, y, weights, quantile)[0]))
        if not values[-1] < 1e6:
            break
        weights = weights - rate(k) * mean_gradient(loss, design, y, weights, quantile)
    values += [np.inf] * (steps - len(values))
    return np.minimum.accumulate(np.nan_to_num(values, nan=np.inf, posinf=1e300))


def first_below(values, target):
    """Iterations until the loss is reached, None if never."""
    reached = np.flatnonzero(np.asarray(values) <= target)
    return int(reached[0]) if len(reached) else None


def compare(curves, target):
    """Iterations of every rule, and the speed-up of each Lipschitz rule over constant rates."""
    counts = {name: first_below(values, target) for name, values in curves.items()}
    constant = {n: c for n, c in counts.items() if n.startswith("constant") and c is not None}
    best = min(constant, key=lambda name: constant[name], default=None)
    rivals = {f"constant {rate:g}": f"constant {rate:g}" for rate in COMMON}
    if best is not None:
        rivals[f"best constant of the grid ({best})"] = best
    longest = max(len(values) for values in curves.values())
    own = [name for name in curves if name.startswith(("lipschitz", "adamo", "auto-adam"))]
    return {
        "target_loss": target,
        "iterations": counts,
        "speed_up": {
            name: "does not reach the target"
            if counts[name] is None
            else {
                title: f"more than {longest / max(counts[name], 1):.1f}"
                if counts[rival] is None
                else round(counts[rival] / max(counts[name], 1), 2)
                for title, rival in rivals.items()
            }
            for name in own
        },
    }


def linear_models(report, options, axes):
    tables = folder("tabular")
    if tables is None:
        return {}
    steps = 300 if options.quick else 2000
    problems = []
    for name, target in TABLES.items():
        design, y = read_table(tables / f"{name}.csv.gz").regression(target)
        design = np.column_stack([design, np.ones(len(y))])
        problems += [(f"mae {name}", "mae", design, y, 0.5),
                     (f"quantile 0.9 {name}", "quantile", design, y, 0.9)]  # fmt: skip
    images, labels = read_table(tables / "sk_digits.csv.gz").classification()
    digits = np.column_stack([images / 16, np.ones(len(labels))])
    problems.append(("softmax digits", "softmax", digits, labels.astype(float), 0.5))
    results = {}
    for axis, (title, loss, design, y, quantile) in zip(axes, problems, strict=True):
        settings = {"quantile": quantile, "classes": 10 if loss == "softmax" else 2}
        # 20,190 rows: fewer iterations, so that the whole run stays within minutes.
        length = min(steps, 300) if title.endswith("randhie") else steps
        curves = {
            name: descend(loss, design, y, rate, length, quantile)
            for name, rate in rules(loss, design, y, settings).items()
        }
        start = next(iter(curves.values()))[0]
        lowest = min(values[-1] for values in curves.values())
        target = lowest + 0.02 * (start - lowest)
        results[title] = compare(curves, target)
        results[title]["lipschitz_constants"] = {
            mode: lipschitz.constant(loss, design, y, mode=mode, **settings).value
            for mode in ("bound", "paper")
        }
        for name, values in curves.items():
            if name.startswith("lipschitz") or name in {f"constant {r:g}" for r in COMMON}:
                axis.plot(np.arange(1, len(values) + 1), values - lowest + 1e-6, label=name)
        axis.axhline(target - lowest, color="k", lw=0.6)
        axis.set(xscale="log", yscale="log", title=title, ylim=(1e-5, 3 * (start - lowest)))
    report.add("linear models", results)
    return results


def network_rules():
    """Optax optimizers for the network; every update takes `activations`."""
    import optax

    from sdekit.theory.lipschitz import optax_rates as rates

    def plain(optimizer):
        return optax.with_extra_args_support(optimizer)

    table = {
        "lipschitz bound": rates.lipschitz_rate(classes=10),
        "lipschitz paper": rates.lipschitz_rate(classes=10, mode="paper"),
        "adamo bound": rates.adamo(classes=10),
        "adamo paper": rates.adamo(classes=10, mode="paper"),
        "auto-adam paper": rates.auto_adam(classes=10, mode="paper"),
        "auto-adam bound": rates.auto_adam(classes=10),
        "adam 0.001": plain(optax.adam(1e-3)),
        "decay 0.1/(1+k/100)": plain(optax.sgd(lambda k: 0.1 / (1 + k / 100))),
    }
    for rate in (1.0, 0.3, *COMMON):
        table[f"constant {rate:g}"] = plain(optax.sgd(rate))
    return table


def network(report, options, axis):
    """MNIST: smoothed minibatch loss by iteration for every rule, from the same start."""
    path = folder("mnist")
    if path is None:
        return None
    import jax
    import jax.numpy as jnp
    import optax

    images = read_idx(path / "train-images-idx3-ubyte.gz").reshape(-1, 784)
    labels = read_idx(path / "train-labels-idx1-ubyte.gz")
    x, y = jnp.asarray(images, jnp.float32) / 255, jnp.asarray(labels, jnp.int32)
    test = read_idx(path / "t10k-images-idx3-ubyte.gz").reshape(-1, 784) / 255.0
    answers = read_idx(path / "t10k-labels-idx1-ubyte.gz")
    steps, batch = (200 if options.quick else 2000), 128
    first, last = jax.random.split(jax.random.key(SEED))
    start = {
        "w1": jax.random.normal(first, (784, 64)) * (2 / 784) ** 0.5, "b1": jnp.zeros(64),
        "w2": jax.random.normal(last, (64, 10)) * (1 / 64) ** 0.5, "b2": jnp.zeros(10),
    }  # fmt: skip
    order = jax.random.randint(jax.random.key(SEED + 1), (steps, batch), 0, len(x))

    def forward(params, rows):
        hidden = jax.nn.relu(rows @ params["w1"] + params["b1"])
        return hidden @ params["w2"] + params["b2"], hidden

    def objective(params, chosen):
        logits, hidden = forward(params, x[chosen])
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, y[chosen])
        return losses.mean(), hidden

    curves, accuracies = {}, {}
    for name, optimizer in network_rules().items():

        def step(carry, chosen, optimizer=optimizer):
            params, state = carry
            (value, hidden), grads = jax.value_and_grad(objective, has_aux=True)(params, chosen)
            updates, state = optimizer.update(grads, state, params, activations=hidden)
            return (optax.apply_updates(params, updates), state), value

        (params, _), values = jax.jit(lambda carry, step=step: jax.lax.scan(step, carry, order))(
            (start, optimizer.init(start))
        )
        window = np.convolve(np.nan_to_num(values, nan=10.0), np.ones(50) / 50, "valid")
        curves[name] = np.minimum.accumulate(window)
        logits, _ = forward(params, jnp.asarray(test, jnp.float32))
        accuracies[name] = float((np.asarray(logits).argmax(1) == answers).mean())
        axis.plot(window, label=name, lw=0.9)
    axis.axhline(TARGET, color="k", lw=0.6)
    axis.set(title="MNIST 784-64-10", yscale="log", xlabel="iteration", ylim=(0.03, 10))
    result = compare(curves, 1.0 if options.quick else TARGET)
    result["test_accuracy"] = accuracies
    report.add("mnist network", result)
    return result


def claim(results):
    """For each Lipschitz rule: where it is 5 to 20 times (or more) faster than a constant rate."""
    verdict = {"reached (5 times or more)": [], "not reached": []}
    for title, result in results.items():
        for name, row in result["speed_up"].items():
            if isinstance(row, str):
                verdict["not reached"].append(f"{title}, {name}: {row}")
                continue
            for rival, value in row.items():
                factor = (
                    float(value.removeprefix("more than ")) if isinstance(value, str) else value
                )
                key = "reached (5 times or more)" if factor >= 5 else "not reached"
                verdict[key].append(f"{title}, {name} against {rival}: {value}")
    return verdict


def tables(results):
    """Iterations of every rule to the target."""
    text = ""
    linear = results.get("linear models", {})
    if linear:
        rules_ = list(next(iter(linear.values()))["iterations"])
        text += table(
            "Iterations to the target, linear models",
            ["rule", *linear],
            [[rule, *(row["iterations"].get(rule) for row in linear.values())] for rule in rules_],
        )
    network_ = results.get("mnist network")
    if network_:
        counts, accuracy = network_["iterations"], network_["test_accuracy"]
        text += table(
            "MNIST 784-64-10",
            ["rule", "iterations to the target", "test accuracy"],
            [[rule, counts[rule], accuracy[rule]] for rule in counts],
        )
    return text


def main():
    options = arguments(__doc__)
    report = Report("lipschitz_rates", options, SEED)
    figure, axes = plt.subplots(2, 4, figsize=(16, 7))
    results = linear_models(report, options, axes.ravel()[:7])
    mnist = network(report, options, axes.ravel()[7])
    if mnist is not None:
        results["mnist network"] = mnist
    if not results:
        return
    report.add("claim of 5 to 20 times", claim(results))
    axes[0, 0].legend(fontsize=6)
    axes[1, 3].legend(fontsize=5)
    report.write(figure, tables(report.content["results"]))


if __name__ == "__main__":
    main()
