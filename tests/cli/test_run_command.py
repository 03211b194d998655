"""Runs from the command line: the law that comes out, what is read, what is refused."""

import json

import numpy as np
import pytest

import sdekit as sk
from sdekit.catalog.targets import DOUBLE_WELL
from sdekit.cli.app import run
from sdekit.cli.inputs import example_of
from sdekit.cli.show import shell_words
from sdekit.reports.thermostat_experiment import FRICTIONS, NOISE, thermostat_experiment


def estimates(capsys):
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)["results"]}


def test_a_formula_with_entries_is_summed_over_them(capsys):
    arguments = ["simulate", "overdamped", "--n", "2", "--potential", "theta**2/2", "--json"]
    run_of = ["--steps", "4000", "--chains", "64", "--step-size", "0.1", "--seed", "5"]
    assert run([*arguments, *run_of]) == 0
    rows = estimates(capsys)
    assert set(rows) == {"theta[0]", "theta[1]"}
    for row in rows.values():
        assert abs(row["mean"]) < 4.5 * row["standard_error"]


def test_the_same_seed_gives_the_same_numbers(capsys):
    arguments = ["simulate", "overdamped", "--steps", "200", "--json", "--seed"]
    shown = []
    for seed in ("1", "1", "2"):
        assert run([*arguments, seed]) == 0
        shown.append(estimates(capsys))
    assert shown[0] == shown[1]
    assert shown[0] != shown[2]


def test_a_potential_comes_from_a_python_file(tmp_path, capsys):
    path = tmp_path / "well.py"
    path.write_text(
        "import numpy as np\n"
        "position = np.array([1.0, 2.0])\n"
        "def potential(theta):\n    return ((theta - position) ** 2).sum() * 50\n"
    )
    arguments = ["simulate", "langevin", "--steps", "400", "--json", "--potential"]
    assert run([*arguments, f"{path}:potential"]) == 0
    rows = estimates(capsys)
    assert abs(rows["theta[0]"]["mean"] - 1) < 0.5 < abs(rows["theta[1]"]["mean"] - 1)
    assert run([*arguments, f"{path}:potentail"]) == 2
    assert "did you mean potential" in capsys.readouterr().err
    assert run([*arguments, "nowhere.py:potential"]) == 2


WALK = """
[variables]
x = {}
[parameters]
m = "real"
[drift]
x = "m"
[diffusion]
x = "1/2"
"""


def test_a_sweep_and_an_event_count_first_passages(tmp_path, capsys):
    path = tmp_path / "walk.toml"
    path.write_text(WALK)
    arguments = ["simulate", str(path), "--position", "x=0", "--step-size", "0.5", "--t1", "20"]
    arguments += ["--chains", "2000", "--sweep", "m=1,2", "--until", "x >= 1"]
    assert run([*arguments, "--json"]) == 0
    slow, fast = json.loads(capsys.readouterr().out)["sweep"]
    # The first passage of Brownian motion with drift m to 1 takes 1 / m on average.
    for found, drift in ((slow, 1.0), (fast, 2.0)):
        (event,) = found["events"]
        assert found["values"] == {"m": drift} and event["event"] == "x >= 1"
        assert abs(event["mean_time"] - 1 / drift) < 4.5 * event["standard_error"]
    # Twin: the other drift.
    assert abs(slow["events"][0]["mean_time"] - 0.5) > 4.5 * slow["events"][0]["standard_error"]
    for wrong in (
        ["--sweep", "m"],
        ["--sweep", "m=a"],
        ["--until", "x > 1"],
        ["--until", "z >= 1"],
    ):
        assert run([*arguments[:4], "--t1", "1", *wrong]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_dynamics_that_is_not_proved_says_so(capsys):
    assert run(["simulate", "sgnht-centre", "--steps", "200"]) == 0
    assert "not proved" in capsys.readouterr().out


def test_several_target_variables_start_by_name(capsys):
    arguments = ["simulate", "mclmc-2d", "--steps", "200", "--json"]
    assert run([*arguments, "--potential", "x**2/2 + y**2/2"]) == 0
    assert {"x", "y", "phi"} <= set(estimates(capsys))


@pytest.mark.parametrize(
    ("potential", "named"),
    [("theta**", "syntax"), ("thta**2", "thta"), ("dot(theta)", "column 1"), ("norml", "normal")],
)
def test_a_mistaken_potential_is_named(potential, named, capsys):
    assert run(["simulate", "sgnht", "--steps", "10", "--potential", potential]) == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1


STOCK = """
[variables]
s = { domain = "positive" }
[drift]
s = "s/20"
[noise]
s = "3*s/10"
"""


@pytest.fixture
def stock(tmp_path):
    """Geometric Brownian motion: it claims no density, and 0 absorbs."""
    path = tmp_path / "stock.toml"
    path.write_text(STOCK)
    return str(path)


def test_no_start_is_invented_where_no_density_is_declared(stock, capsys):
    assert run(["simulate", stock, "--steps", "100"]) == 2
    assert "Fix: give it: --position s=1" in capsys.readouterr().err
    # Twin: with the start it runs, and moves.
    assert run(["simulate", stock, "--steps", "100", "--position", "s=2", "--json"]) == 0
    row = estimates(capsys)["s"]
    assert row["mean"] > 0 and row["standard_deviation"] > 0 and "r_hat" in row


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--position", "q=1"], "no variable q"),
        (["--position", "s=one"], "cannot be read"),
        (["--position", "s=1,2"], "another number of entries"),
        (["--position", "s=-1"], "outside its domain"),
        (["--position", "s=1", "--potential", "normal"], "leaves no potential open"),
        (["--position", "s=1", "--resume"], "--store DIR"),
    ],
)
def test_a_mistaken_start_or_an_option_without_effect_is_named(stock, options, named, capsys):
    assert run(["simulate", stock, "--steps", "100", *options]) == 2
    error = capsys.readouterr().err
    assert named in error and error.count("\n") == 1


def test_the_entries_that_a_table_leaves_out_are_counted(tmp_path, capsys):
    figure = tmp_path / "run.svg"
    arguments = ["simulate", "overdamped", "--n", "30", "--steps", "200", "--figure", str(figure)]
    assert run([*arguments, "--position", "theta=1", "--burn-in", "10"]) == 0
    shown = capsys.readouterr().out
    assert "... 22 more" in shown and "R-hat" in shown
    assert figure.read_text().lstrip().startswith("<?xml")


def test_a_run_that_diverges_ends_with_status_1(capsys):
    arguments = ["simulate", "overdamped", "--potential", "theta**4", "--step-size", "5"]
    assert run([*arguments, "--steps", "100", "--position", "theta=3"]) == 1
    assert "is not finite after step" in capsys.readouterr().err


def test_hints_are_in_words_of_the_shell(capsys):
    assert run(["bias", "langevin", "--potential", "theta**4"]) == 2
    assert "--set A=" in capsys.readouterr().err
    long = "interrupted: the same call with resume=True goes on from there"
    assert shell_words(long).endswith("the same command with --resume goes on from there")


def test_a_store_is_lengthened(tmp_path, capsys):
    store = str(tmp_path / "run.zarr")
    arguments = ["simulate", "overdamped", "--store", store, "--json", "--steps"]
    assert run([*arguments, "200"]) == 0
    assert run([*arguments, "400", "--resume"]) == 0


def test_samples_stream_to_a_store(tmp_path, capsys):
    store = tmp_path / "run.zarr"
    assert run(["simulate", "sgnht", "--steps", "200", "--store", str(store)]) == 0
    assert store.is_dir()
    capsys.readouterr()
    assert run(["simulate", "sgnht", "--steps", "200", "--store", str(store)]) == 2
    assert "store" in capsys.readouterr().err


@pytest.fixture(scope="module")
def experiment():
    return thermostat_experiment(steps=40_000, chains=64)


def algorithm_1_kinetic_energy(friction, h=0.01):
    """<p^2>/2 of Algorithm 1 with frozen friction; curvature adds below 3e-4."""
    return NOISE / (friction * (2 - friction * h))


def test_fixed_frictions_have_the_kinetic_energy_of_theory(experiment):
    for friction, panel in zip(FRICTIONS, experiment.panels, strict=False):
        exact = algorithm_1_kinetic_energy(friction)
        assert abs(panel.kinetic_energy - exact) < 4.5 * panel.kinetic_error + 3e-4 * exact


def test_the_thermostat_has_the_right_kinetic_energy(experiment):
    adaptive = experiment.panels[-1]
    assert abs(adaptive.kinetic_energy - 0.5) < 4.5 * adaptive.kinetic_error + 1e-3


def test_only_the_matched_panels_are_near_the_target(experiment):
    """Twin: the wrong frictions miss the kinetic energy by far more than their errors."""
    _, cold, hot, _ = experiment.panels
    for panel in (cold, hot):
        assert abs(panel.kinetic_energy - 0.5) > 7 * panel.kinetic_error


def test_the_exact_density_of_the_figure_is_normalized(experiment):
    area = np.trapezoid(experiment.exact_density, experiment.grid)
    assert area == pytest.approx(1, abs=1e-5)
    assert max(experiment.exact_density) == pytest.approx(
        np.exp(2.9377005) / DOUBLE_WELL.normalizer, rel=1e-3
    )


def test_a_plain_sde_runs_to_a_figure_with_the_numbers_of_its_example(tmp_path, capsys):
    """The mean of dx = mu dt + sigma dW over the times 0.01, ..., 0.5 is that of 0.255 mu."""
    figure = tmp_path / "path.svg"
    run_of = ["--chains", "20", "--steps", "50", "--thin", "1", "--figure", str(figure)]
    assert run(["simulate", "brownian-motion", "--set", "mu=20", *run_of, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["example"] == "from the example of the catalogue: x=0.0, sigma=1.0"
    # The mean of min(s, t) over the pairs of times, 0.01 (n + 1)(2n + 1)/(6n) with n = 50.
    error = np.sqrt(0.1717 / 20)
    (row,) = found["results"]
    assert abs(row["mean"] - 5.1) < 4.5 * error
    # Twin: the example's mu, which was not used, is far off.
    assert abs(row["mean"] - 0.1275) > 7 * error
    assert figure.read_text().rstrip().endswith("</svg>")


def test_an_example_gives_what_is_not_said():
    """Twin: nothing is taken from it where everything is said, and other entries have none."""
    said = example_of("ornstein-uhlenbeck", ["x=1,2"], {"n": 2}, {"a": 1.0, "sigma": 2.0})
    assert said == (["x=1,2"], {"n": 2}, {"a": 1.0, "sigma": 2.0}, None)
    assert example_of("langevin", [], {}, {}) == ([], {}, {}, None)
    assert example_of("ornstein-uhlenbeck", [], {"n": 5}, {"a": 3.0, "sigma": 2.0}) == (
        ["x=1.0"], {"n": 5}, {"a": 3.0, "sigma": 2.0},
        "from the example of the catalogue: x=1.0",
    )  # fmt: skip


def test_the_example_of_every_plain_sde_is_complete():
    for entry in sk.catalog.entries(plain=True):
        position, sizes, values, _ = example_of(entry.name, [], {}, {})
        dynamics = entry.dynamics()
        assert {text.partition("=")[0] for text in position} == {x.name for x in dynamics.variables}
        assert set(values) == {p.name for p in dynamics.parameters}
        assert set(sizes) == {dim.name for dim in dynamics.dimensions}
