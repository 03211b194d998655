"""Calls that do not fit a public function say what was meant, and fitting ones go through."""

import inspect
import pickle

import pytest

import sdekit as sk
from sdekit.calls import OTHER_WORDS, answering, meant
from sdekit.errors import ArgumentError, SdekitError

X = sk.scalar("x")
K = sk.parameter("k", positive=True)
OU = sk.Dynamics(drift={X: -K * X}, noise={X: 1})

#: The call, and what the error must say.
WRONG = {
    "dt": (lambda: sk.simulate(OU, 0.0, dt=0.1, steps=9), "write step_size= for dt="),
    "a misspelt word": (lambda: sk.simulate(OU, 0.0, chans=9), "write chains= for chans="),
    "the same twice": (
        lambda: sk.simulate(OU, 0.0, num_steps=9, steps=9), "leave it out, steps= is given",
    ),
    "by place": (lambda: sk.simulate(OU, 0.0, {"k": 1.0}, 0.1), "by place, found 4. .* step_size="),
    "too few": (lambda: sk.dot(X), r"misses right.*sk.dot\(left, right.*found left"),
    "nothing": (lambda: sk.Dynamics(), "misses drift.*found no arguments"),
    "H": (lambda: sk.Dynamics({X: -X}, diffusion={X: 1}, H=X**2), "write hamiltonian= for H="),
    "sigma": (lambda: sk.Dynamics({X: -X}, sigma={X: 1}), "write noise= for sigma="),
    "shape": (lambda: sk.parameter("C", shape=(2, 2)), r"parameter\(name, n, n\)"),
    "one argument twice": (lambda: sk.verify(OU, dynamics=OU), "gets dynamics twice"),
    "text as a dynamics": (lambda: sk.splitting("cir"), "sk.catalog.get"),
    "a result as a dynamics": (lambda: sk.repair(sk.verify(OU)), "of type Verification"),
    "a name in a module": (lambda: sk.schemes.names("cir"), "the dynamics of sk.schemes.names"),
    "lr": (lambda: sk.theory.LeastSquaresFlow([[1.0]], [1.0], lr=1), "write step_size= for lr="),
    "temperature": (
        lambda: sk.Minibatch(abs, max, [1.0], batch_size=1, temperature=2), "by the temperature",
    ),
    "a word for a density": (lambda: sk.sample(logp=abs, position=1.0), "log_density= for logp="),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_call_that_does_not_fit_is_told_with_four_facts(name):
    call, said = WRONG[name]
    with pytest.raises(ArgumentError, match=said) as raised:
        call()
    error = raised.value
    assert isinstance(error, TypeError) and isinstance(error, SdekitError)
    assert None not in (error.expected, error.found, error.fix)


def test_an_error_from_within_a_function_stays_what_it_is():
    """Twin: only calls that do not fit are told in other words."""

    def fails(dynamics: object) -> None:
        raise TypeError("from within")

    with pytest.raises(TypeError, match="from within") as raised:
        answering(fails, "fails", "sdekit")(1)
    assert not isinstance(raised.value, SdekitError)


def test_a_public_function_keeps_signature_documentation_and_can_be_pickled():
    assert "step_size" in inspect.signature(sk.simulate).parameters
    assert sk.simulate.__doc__ == sk.simulate.__wrapped__.__doc__
    for function in (sk.simulate, sk.schemes.names, sk.kernels.hmc):
        assert pickle.loads(pickle.dumps(function)) is function


def test_a_name_that_a_package_has_not_is_offered_in_its_right_spelling():
    for package, name, right in (
        (sk, "Vector", "sk.vector"), (sk, "Simulate", "sk.simulate"),
        (sk.kernels, "HMC", "sk.kernels.hmc"),
    ):  # fmt: skip
        with pytest.raises(AttributeError, match=f"did you mean {right}?"):
            getattr(package, name)
    assert not hasattr(sk, "qqqqqq") and not hasattr(sk, "__wrapped__")


def test_every_word_of_another_library_leads_to_an_argument_that_a_function_has():
    arguments = {
        name
        for public in sk._MODULE_OF
        if inspect.isfunction(getattr(sk, public)) or inspect.isclass(getattr(sk, public))
        for name in inspect.signature(getattr(sk, public)).parameters
    }
    ours = {name for names in OTHER_WORDS for name in names.split()}
    assert ours <= arguments, ours - arguments
    assert meant("dt", ["step_size"]) == "step_size" and meant("qqq", ["step_size"]) is None
