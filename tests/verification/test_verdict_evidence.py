"""Quick forms of the long evidence about verdicts: mutation, random truth, hostile input."""

import random
import sys
from pathlib import Path

import pytest

import sdekit as sk

SCRIPTS = Path(__file__).resolve().parents[2] / "verification"


@pytest.fixture(scope="module", autouse=True)
def scripts_on_the_path():
    """The scripts import one another by name, as when they are run."""
    sys.path.insert(0, str(SCRIPTS))
    yield
    sys.path.remove(str(SCRIPTS))


@pytest.mark.parametrize("name", ["langevin", "sgnht", "rhmc-no-logdet"])
def test_mutants_get_verdicts_that_the_oracle_confirms(name):
    import mutation

    cases = list(mutation.mutants(sk.catalog.get(name)))
    for change, mutant in random.Random(1).sample(cases, 8):
        verdicts, wrong = mutation.judged(mutant)
        assert not wrong, (change, wrong)
        assert verdicts["stationarity"] != "undecided", change


def test_the_oracle_sees_a_wrong_verdict():
    """Twin: the oracle tells a refuted dynamics from a proved one by itself."""
    import numeric_oracle

    assert numeric_oracle.is_stationary(sk.catalog.get("sgnht"))[0] is True
    assert numeric_oracle.is_stationary(sk.catalog.get("sgnht-mass"))[0] is False
    assert numeric_oracle.marginal_spread(sk.catalog.get("rhmc-no-logdet")) > 0.1
    assert numeric_oracle.smallest_eigenvalue(sk.catalog.get("langevin-negative")) < 0


@pytest.mark.parametrize("seed", range(8))
def test_random_recipes_are_proved_and_perturbed_ones_judged_as_the_oracle_does(seed):
    import numeric_oracle
    import random_truth

    rng = random.Random(seed)
    design = random_truth.scalar_design(rng) if seed % 2 else random_truth.tensor_design(rng)
    assert sk.verify(design, budget=20).checks["stationarity"].is_proved
    changed = random_truth.perturbed(rng, design)
    check = sk.verify(changed, budget=20).checks["stationarity"]
    assert (
        check.verdict.value
        == {True: "proved", False: "refuted"}[numeric_oracle.is_stationary(changed)[0]]
    )


def test_hostile_model_files_end_in_a_verdict_or_one_clear_error():
    import hostile_input

    rng = random.Random(3)
    texts = [sk.catalog.get(name).to_toml() for name in ("sgnht", "ccadl", "mclmc-2d")]
    for _ in range(120):
        ending = hostile_input.outcome(hostile_input.mutated(rng, rng.choice(texts)))
        assert ending in ("one clear error", "proved", "refuted", "undecided")
