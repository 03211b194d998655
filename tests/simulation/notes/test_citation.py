"""What a run says of itself for a paper."""

from types import SimpleNamespace

import sdekit as sk
from sdekit.simulation.notes.citation import citation


def run_of(name, scheme):
    return SimpleNamespace(
        dynamics=sk.catalog.get(name), scheme=scheme, step_size=0.01, burn_in=100, draws=1_000,
        thin=5, chains=4, seed=7,
    )  # fmt: skip


def test_the_sentence_names_dynamics_scheme_noise_and_versions():
    text = citation(run_of("sgnht", "BADODAB"))
    sentence = text.partition("@software")[0]
    for word in ("sgnht (Ding et al. 2014", "BADODAB", "step size 0.01", "5,100 steps", "seed 7",
                 f"sdekit {sk.__version__}", "JAX"):  # fmt: skip
        assert word in sentence
    assert "@misc{ding2014" in text and text.count("{") == text.count("}")


def test_a_named_scheme_brings_its_source():
    assert "duane1987" in citation(run_of("langevin", "HMC"))
    assert "duane1987" not in citation(run_of("langevin", "BAOAB"))
