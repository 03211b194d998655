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


@pytest.mark.parametrize("name", K.published_kernels())
def test_a_kernel_written_to_a_file_is_read_as_an_equal_one(name):
    kernel = K.published_kernel(name)
    found = sk.loads(kernel.to_toml())
    assert found == kernel and (found.name, found.source) == (kernel.name, kernel.source)


def test_what_no_file_holds_is_refused():
    hamiltonian, langevin = sk.catalog.get("hamiltonian"), sk.catalog.get("langevin")
    p = hamiltonian.variables[1]
    coin = K.choose([("1/2", K.refresh(p)), ("1/2", K.flip({p: -p}))])
    moves = [K.metropolis(K.flow(d, "BAB"), flip={p: -p}) for d in (hamiltonian, langevin)]
    t = sk.parameter("t", positive=True)
    accept = K.metropolis(
        K.flow(hamiltonian, "BAB"), flip={p: -p}, accept=t * K.RATIO / (1 + K.RATIO)
    )
    law = {"hamiltonian": hamiltonian.hamiltonian, "target": hamiltonian.target}
    for steps, said in (
        ([K.choose([("1/2", coin), ("1/2", K.refresh(p))])], "choice"),
        (moves, "several dynamics"),
        ([K.metropolis(K.flow(hamiltonian, "BAB", sk.dim("L", 3)), flip={p: -p})], "a size"),
        ([accept], "like the ratio"),
    ):
        with pytest.raises(DeclarationError, match=said):
            K.compose(*steps, **law).to_toml()
    hot = K.compose(moves[0], hamiltonian=2 * hamiltonian.hamiltonian)
    with pytest.raises(DeclarationError, match="another law"):
        hot.to_toml()
    # Twin: one choice is written.
    single = K.compose(coin, moves[0])
    assert sk.loads(single.to_toml()) == single


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
