"""`sdekit sample FILE.py:NAME` says by its exit status whether the draws may be trusted."""

import json

import numpy as np
import pytest

from sdekit.cli.app import run

PROGRAM = """
import jax.numpy as jnp
position, domains = {"tau": 1.0}, {"tau": "positive"}
def U(x): return x["tau"] - 2 * jnp.log(x["tau"])
def heavy(x): return 2 * jnp.log1p(x["tau"])
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("sample") / "model.py"
    path.write_text(PROGRAM)
    return path


def test_draws_are_printed_and_written(program, capsys):
    out = program.with_suffix(".npz")
    assert run(["sample", f"{program}:U", "--json", "--out", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "converged" and found["tuned"]["bias"] == 0
    (row,) = found["results"]
    assert abs(row["mean"] - 3) < 4.5 * row["standard_error"]  # Gamma(3, 1)
    assert np.load(out)["tau"].shape == (4, 1000)


def test_what_is_not_converged_has_another_status(program, capsys):
    """Twin: 1 / (1 + tau)^2 has no mean."""
    assert run(["sample", f"{program}:heavy", "--draws", "100"]) == 1
    assert "heavy tail" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["nowhere.py:U", "model.toml", "{program}:V"])
def test_bad_input_is_one_line(target, program, capsys):
    assert run(["sample", target.format(program=program)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
