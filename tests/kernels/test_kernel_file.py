"""Kernels are read from model files, and mistakes in them are named with their place."""

import pytest

import sdekit as sk
from sdekit.catalog.markov_kernels import MODELS
from sdekit.errors import DeclarationError, ModelFileError

K = sk.kernels


def model(*steps: str) -> str:
    listed = ", ".join(f'"{step}"' for step in steps)
    return f"{MODELS['hamiltonian']}\n[kernel]\nsteps = [{listed}]\n"


def test_a_kernel_file_gives_the_kernel_that_python_builds():
    found = sk.loads(model("refresh p", "metropolis (BAB)^L flip p"))
    assert found == K.hmc(sk.loads(MODELS["hamiltonian"]), "BAB", sk.dim("L"))


def test_a_file_is_read_from_disk(tmp_path):
    path = tmp_path / "hmc.toml"
    path.write_text(model("refresh p", "metropolis (BAB)^3 flip p"))
    assert sk.verify(sk.load(path)).verdict is sk.Verdict.PROVED


def test_steps_are_printed_as_they_are_written():
    for name in K.published_kernels():
        kernel = K.published_kernel(name)
        listed = K.written_steps(kernel)
        record = sk.catalog.markov_kernels
        source = next(r for r in (*record.ENTRIES, *record.WRONG) if r.name == name)
        quoted = ", ".join(f'"{step}"' for step in listed)
        text = f"{MODELS[source.model]}\n[kernel]\nsteps = [{quoted}]\n"
        assert sk.loads(text) == kernel, listed


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (["refresh q"], "number 1: this is no variable"),
        (["refresh p", "metropolis (BXB)^L flip p"], "number 2.*letters that this dynamics"),
        (["metropolis (BAB)^(1+1) flip p"], "number of steps is wrong"),
        (["metropolis (BAB)^L flip p accept maybe"], "maybe"),
        (["refresh p law p"], "law is no scalar"),
        (["choose refresh p"], "an option has no weight"),
        (["delayed BAB flip p"], "two attempts"),
        (["flip p -> p, theta"], "no arrow"),
        (["shuffle p"], "shuffle"),
    ],
)
def test_mistakes_are_named_with_their_place(steps, said):
    with pytest.raises(ModelFileError, match=said):
        sk.loads(model(*steps))


@pytest.mark.parametrize("entry", ["steps = 3", "steps = []", 'step = ["refresh p"]'])
def test_a_table_that_is_no_kernel_is_refused(entry):
    with pytest.raises(ModelFileError, match="kernel"):
        sk.loads(f"{MODELS['hamiltonian']}\n[kernel]\n{entry}\n")


def test_an_unknown_name_is_answered_with_a_near_one():
    with pytest.raises(DeclarationError, match="did you mean malt"):
        K.published_kernel("mallt")
