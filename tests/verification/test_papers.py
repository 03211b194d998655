"""The experiments of the sources: small runs end to end, and the table of what is claimed."""

import argparse
import importlib
import itertools
import json
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import chi2

from verification import table
from verification.double_well import EXACT
from verification.papers import (
    _figure_3,
    figure_1,
    least_squares_paths,
    misprints,
    topics,
)
from verification.papers._experiment import Experiment
from verification.papers.sources import MET, NOT_MET, OPEN, OUT, SOURCES

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = [claim for claims in SOURCES.values() for claim in claims]
SCRIPTS = sorted(p.stem for p in (ROOT / "verification/papers").glob("[a-z]*.py"))


def test_every_claim_has_evidence_that_exists():
    for claim in CLAIMS:
        assert claim.verdict in (MET, NOT_MET, OUT, OPEN, None), claim.text
        assert claim.evidence or claim.verdict in (OUT, OPEN), claim.text
        for evidence in claim.evidence:
            path, _, name = evidence.partition("::")
            if path.startswith("papers_"):
                assert path.removeprefix("papers_") in SCRIPTS
                continue
            text = (ROOT / path).read_text(encoding="utf-8")
            assert f"def {name}(" in text or not name, evidence


def test_no_claim_is_met_by_a_file_alone_that_says_nothing():
    """Twin: what no run and no test stands behind is a gap."""
    assert not any(claim.verdict == MET and not claim.evidence for claim in CLAIMS)
    assert len({claim.text for claim in CLAIMS}) == len(CLAIMS)


def test_the_table_is_written_from_the_results():
    text = (ROOT / "verification/README.md").read_text(encoding="utf-8")
    for claim in CLAIMS:
        for row in table.source_rows(claim):
            assert row in text, "run python verification/table.py"


@pytest.mark.parametrize("name", [n for n in SCRIPTS if n != "sources"])
def test_an_experiment_has_settings_that_a_quick_run_replaces(name):
    module = importlib.import_module(f"verification.papers.{name}")
    assert set(module.QUICK) <= set(module.SETTINGS)
    assert set(getattr(module, "REDUCED", {})) <= set(module.SETTINGS)
    result = ROOT / "verification/results" / f"papers_{name}.json"
    if result.is_file():
        content = json.loads(result.read_text(encoding="utf-8"))
        chosen = getattr(module, "REDUCED", {}) if "--reduced" in content["command"] else {}
        settings = {**module.SETTINGS, **chosen}
        assert content["settings"] == json.loads(json.dumps(settings)), "run it again"
        assert not content["quick"]


def test_figure_1_takes_its_noise_from_the_gradient():
    """The level of the minibatch's noise is B, and the thermostat finds it."""
    settings = {**figure_1.SETTINGS, **figure_1.QUICK, "steps": 20_000, "chains": 8}
    target = figure_1.noisy_target(settings)
    rows = np.asarray(target.data, float)
    level = settings["h"] / 2 * len(rows) ** 2 * rows.var()
    assert abs(level - settings["B"]) < 1e-5
    parameters = {"A": 0.0, "B": 1.0, "mu": 1.0}
    entry = figure_1.sk.catalog.get("sgnht-gradient-noise")
    found = figure_1.run(settings, entry, "Algorithm1", parameters)
    assert figure_1.within(found["kinetic"], EXACT["kinetic energy"], 0.03)
    assert figure_1.within(found["xi"], 1.0, 0.03)
    # Twin: a friction of 10 against the same noise is cold.
    assert not figure_1.within(found["kinetic"], figure_1.kinetic_energy(10, settings), 0.03)


def test_a_part_that_diverged_is_told_apart_from_one_that_is_good():
    found = {
        ("SGNHT", 0.1, 1.0, 0): {"error": 3.0}, ("SGNHT", 0.1, 1.0, 1): {"error": 5.0},
        ("SGNHT", 0.1, 2.0, 0): {"error": 1.0}, ("SGNHT", 0.1, 2.0, 1): {"diverged": "at step 7"},
        ("SGHMC", 0.1, 1.0, 0): {"error": 0.5}, ("SGHMC", 0.1, 2.0, 0): {"diverged": "at step 2"},
    }  # fmt: skip
    assert _figure_3.reached(found, "error", "SGNHT", 0.1, 2.0) == [1.0]
    assert _figure_3.reached(found, "error", "SGHMC", 0.1, 2.0) == []
    assert np.isnan(_figure_3.mean_or_nan(found, "error", "SGNHT", 0.1, 2.0))
    assert _figure_3.mean_or_nan(found, "error", "SGNHT", 0.1, 1.0) == 4.0
    assert _figure_3.best(found, "error") == (0.1, 2.0, 1.0)


def test_an_interrupted_experiment_goes_on_where_it_stood(tmp_path, monkeypatch, capsys):
    calls = []

    def part(number):
        calls.append(number)
        return {"value": number}

    options = argparse.Namespace(out=tmp_path, quick=True)
    for _ in range(2):
        record = Experiment("nothing", {"seed": 1}, options)
        assert [record.part({"k": k}, lambda k=k: part(k))["value"] for k in range(2)] == [0, 1]
    assert calls == [0, 1]
    other = Experiment("nothing", {"seed": 2}, options)
    other.part({"k": 0}, lambda: part(0))
    assert calls == [0, 1, 0], "other settings are another experiment"
    monkeypatch.setattr("sys.argv", ["paths", "--quick", "--out", str(tmp_path)])
    least_squares_paths.main()
    assert re.search("ok +Slides", capsys.readouterr().out)
    assert (tmp_path / "papers_least_squares_paths.png").is_file()


def test_sweeps_of_topics_have_the_posterior_of_a_short_document():
    """Frequencies against p(z | words) by enumeration, the document's mixture summed out."""
    words, alpha, copies = np.array([0, 0, 2]), 0.5, 4000
    chances = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])
    states = np.array(list(itertools.product(range(2), repeat=3)))
    counts = np.array([np.bincount(z, minlength=2) for z in states])
    heights = np.exp(gammaln(counts + alpha).sum(axis=1)) * chances[states, words].prod(axis=1)
    tokens = jnp.asarray(np.pad(words, (0, 1), constant_values=-1)[None].repeat(copies, axis=0))
    step = jax.jit(lambda key, z: topics.sweep(key, z, tokens, jnp.asarray(chances), alpha))
    z, found = jnp.zeros(tokens.shape, int), jnp.zeros((copies, 2))
    for key in jax.random.split(jax.random.key(0), 12):
        z, found = step(key, z)
    assert np.array_equal(found[:, 1], np.asarray(z)[:, :3].sum(axis=1)), "the fourth is no token"
    seen = np.bincount(np.asarray(z)[:, :3] @ [4, 2, 1], minlength=8)
    expected = copies * heights / heights.sum()
    assert chi2.sf(np.sum((seen - expected) ** 2 / expected), 7) > 1e-5
    # Twin: without the document's own counts the law is another one.
    alone = copies * chances[states, words].prod(axis=1) / chances[:, words].sum(axis=0).prod()
    assert chi2.sf(np.sum((seen - alone) ** 2 / alone), 7) < 1e-9


@pytest.mark.parametrize("place", misprints.PLACES, ids=lambda place: place.compute.__name__)
def test_what_is_called_a_misprint_fails_as_printed_and_holds_as_corrected(place):
    found = place.compute({**misprints.SETTINGS, **misprints.QUICK})
    assert found is None or found[1], found
