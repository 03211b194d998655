"""SYMNet (SBAF or A-ReLU forward, Lipschitz rate backward) and gene expression in small.

Classification: one hidden layer of 16 on iris, wine and breast cancer, repeated stratified splits
(70 % to fit), activations SBAF of a sigmoid, A-ReLU and ReLU, rates 1/L ("bound" and "paper"),
constant 0.1 and decaying. Gene expression: the D-GEX set of the slides is not obtainable; the
stand-in is golub, khan and alon, log-scaled and standardized: predict all other genes from 100
landmark genes with one hidden A-ReLU layer and the MAE, Lipschitz rate against a decaying one, mean
absolute error on held-out samples by epoch. Landmarks are drawn at random (no landmark list exists
for these arrays)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from _data import folder, read_genes, read_table
from _results import Report, arguments, table

from sdekit.theory.lipschitz import activations, optax_rates

SEED = 0
TABLES = ("sk_iris", "sk_wine", "sk_breast_cancer")
ACTIVATIONS = {
    "SBAF": activations.sbaf_of_sigmoid, "A-ReLU": activations.a_relu, "ReLU": jax.nn.relu,
}  # fmt: skip
HIDDEN = 16
GENES = ("golub", "khan", "alon")
LANDMARKS = 100
#: Training loss whose first step is counted.
LOSS_REACHED = 0.3
#: Epochs of the table, as the slides print their Table 5.
PRINTED_EPOCHS = (1, 5, 10, 20, 50, 100, 200)


def plain(optimizer):
    return optax.with_extra_args_support(optimizer)


def classification_rates(classes):
    return {
        "lipschitz bound": optax_rates.lipschitz_rate(classes=classes),
        "lipschitz paper": optax_rates.lipschitz_rate(classes=classes, mode="paper"),
        "constant 0.1": plain(optax.sgd(0.1)),
        "decay 0.1/(1+k/100)": plain(optax.sgd(lambda k: 0.1 / (1 + k / 100))),
    }


def initial(key, sizes):
    keys = jax.random.split(key, 2)
    return {
        "w1": jax.random.normal(keys[0], sizes[:2]) / sizes[0] ** 0.5,
        "b1": jnp.zeros(sizes[1]),
        "w2": jax.random.normal(keys[1], sizes[1:]) / sizes[1] ** 0.5,
        "b2": jnp.zeros(sizes[2]),
    }


def forward(params, rows, activation):
    hidden = activation(rows @ params["w1"] + params["b1"])
    return hidden @ params["w2"] + params["b2"], hidden


def train(optimizer, activation, losses, params, data, steps, score):
    """Full-batch training under one scan; losses and `score(params, *data)` after every step."""

    def objective(params):
        output, hidden = forward(params, data["x"], activation)
        return losses(output, data["y"]), hidden

    def step(carry, _):
        params, state = carry
        (value, hidden), grads = jax.value_and_grad(objective, has_aux=True)(params)
        updates, state = optimizer.update(grads, state, params, activations=hidden)
        params = optax.apply_updates(params, updates)
        return (params, state), (value, score(params, data))

    return jax.lax.scan(step, (params, optimizer.init(params)), length=steps)[1]


def absolute(output, target):
    return jnp.abs(output - target).mean()


def cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def splits(labels, count):
    """Stratified random splits: boolean masks of the training rows."""
    rng = np.random.default_rng(SEED)
    for _ in range(count):
        train_rows = np.zeros(len(labels), bool)
        for label in np.unique(labels):
            rows = rng.permutation(np.flatnonzero(labels == label))
            train_rows[rows[: round(0.7 * len(rows))]] = True
        yield train_rows


def stacked_splits(features, labels, count):
    """Standardized training and test data of all splits, stacked along a first axis."""
    parts = []
    for rows in splits(labels, count):
        mean, spread = features[rows].mean(0), features[rows].std(0) + 1e-12
        x = ((features - mean) / spread).astype(np.float32)
        parts.append({"x": x[rows], "y": labels[rows], "x_test": x[~rows], "y_test": labels[~rows]})
    return {key: jnp.asarray(np.stack([part[key] for part in parts])) for key in parts[0]}


def classify(report, options):
    path = folder("tabular")
    if path is None:
        return
    steps, count = (100, 2) if options.quick else (1000, 20)
    for name in TABLES:
        features, labels = read_table(path / f"{name}.csv.gz").classification()
        classes, table = int(labels.max()) + 1, {}
        data = stacked_splits(features, labels, count)
        sizes = (features.shape[1], HIDDEN, classes)
        starts = jax.vmap(lambda key, sizes=sizes: initial(key, sizes))(
            jax.random.split(jax.random.key(SEED), count)
        )
        for title, activation in ACTIVATIONS.items():

            def accuracy(params, data, activation=activation):
                guess = forward(params, data["x_test"], activation)[0].argmax(1)
                return (guess == data["y_test"]).mean()

            for rule, optimizer in classification_rates(classes).items():

                def run(params, data, optimizer=optimizer, activation=activation, score=accuracy):
                    return train(optimizer, activation, cross_entropy, params, data, steps, score)

                values, kept = (np.asarray(a) for a in jax.jit(jax.vmap(run))(starts, data))
                below = values < LOSS_REACHED
                reached = np.where(below.any(1), below.argmax(1), steps)
                table[f"{title}, {rule}"] = {
                    "accuracy": kept[:, -1].mean(),
                    "standard_error": kept[:, -1].std(ddof=1) / count**0.5,
                    f"median_steps_to_loss_{LOSS_REACHED}": float(np.median(reached)),
                    "share_of_splits_that_reach_it": below.any(1).mean(),
                }
        report.add(name, {"steps": steps, "splits": count, "rules": table})


def gene_expression(report, options, axes):
    path = folder("gene")
    if path is None:
        return
    epochs = 50 if options.quick else 200
    for axis, name in zip(axes, GENES, strict=True):
        raw, labels = read_genes(path / f"{name}.npz")
        # Arrays of one data set differ in scale and sign conventions: signed logarithm.
        values = np.sign(raw) * np.log1p(np.abs(raw))
        rows = next(splits(labels, 1))
        values = (values - values[rows].mean(0)) / (values[rows].std(0) + 1e-6)
        order = np.random.default_rng(SEED).permutation(values.shape[1])
        x = jnp.asarray(values[:, order[:LANDMARKS]], jnp.float32)
        y = jnp.asarray(values[:, order[LANDMARKS:]], jnp.float32)
        params = initial(jax.random.key(SEED), (LANDMARKS, 200, y.shape[1]))
        outputs = y.shape[1]
        rules = {
            "lipschitz bound": optax_rates.lipschitz_rate("mae", outputs=outputs),
            "constant 10": plain(optax.sgd(10.0)),
        }
        for rate in (0.1, 10.0, 100.0):
            decaying = plain(optax.sgd(lambda k, rate=rate: rate / (1 + k / 10)))
            rules[f"decay {rate:g}/(1+k/10)"] = decaying
        data = {"x": x[rows], "y": y[rows], "x_test": x[~rows], "y_test": y[~rows]}

        def held_out(params, data):
            return jnp.abs(
                forward(params, data["x_test"], activations.a_relu)[0] - data["y_test"]
            ).mean()

        table = {}
        for rule, optimizer in rules.items():

            def run(params, data, optimizer=optimizer):
                return train(
                    optimizer, activations.a_relu, absolute, params, data, epochs, held_out
                )

            kept = np.asarray(jax.jit(run)(params, data)[1])
            table[rule] = {f"epoch {e}": kept[e - 1] for e in PRINTED_EPOCHS if e <= epochs}
            table[rule]["smallest"] = np.nanmin(kept)
            table[rule]["at_epoch"] = int(np.nanargmin(kept)) + 1
            axis.plot(np.arange(1, epochs + 1), kept, label=rule)
        baseline = float(np.abs(y[~rows]).mean())
        axis.axhline(baseline, color="k", lw=0.6, label="predicting the mean")
        axis.set(title=f"{name}: {values.shape[0]} x {values.shape[1]}", xlabel="epoch",
                 ylim=(0.5 * baseline, 1.6 * baseline), xscale="log")  # fmt: skip
        report.add(f"genes {name}", {"mean_predictor": baseline, "mae_by_epoch": table})
    axes[0].set_ylabel("mean absolute error, held out")
    axes[0].legend(fontsize=6)


def tables(results):
    """Accuracies of the classifiers, and the MAE by epoch as the slides print it."""
    text = ""
    classified = {name: row["rules"] for name, row in results.items() if "rules" in row}
    if classified:
        first = next(iter(classified.values()))
        text += table(
            f"Accuracy on held-out rows +- standard error (median steps to loss {LOSS_REACHED})",
            ["activation, rate", *classified],
            [
                [rule]
                + [
                    f"{rows[rule]['accuracy']:.3f} +- {rows[rule]['standard_error']:.3f} "
                    f"({rows[rule][f'median_steps_to_loss_{LOSS_REACHED}']:g})"
                    for rows in classified.values()
                ]
                for rule in first
            ],
        )
    for name, row in results.items():
        if "mae_by_epoch" not in row:
            continue
        rules_ = row["mae_by_epoch"]
        epochs = [key for key in next(iter(rules_.values())) if key.startswith("epoch")]
        text += table(
            f"{name}: mean absolute error, A-ReLU (predicting the mean: "
            f"{row['mean_predictor']:.4f})",
            ["epoch", *rules_],
            [[key.removeprefix("epoch "), *(r[key] for r in rules_.values())] for key in epochs],
        )
    return text


def main():
    options = arguments(__doc__)
    report = Report("symnet", options, SEED)
    classify(report, options)
    figure, axes = plt.subplots(1, len(GENES), figsize=(13, 4))
    gene_expression(report, options, axes)
    if report.content["results"]:
        report.write(figure, tables(report.content["results"]))


if __name__ == "__main__":
    main()
