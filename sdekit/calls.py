"""Calls that do not fit a public function: misspelt, missing and misplaced arguments, in words.

`sdekit.loading` puts `answering` around what a package offers to its users; calls inside sdekit go
past it. Not for the values of arguments, which each function checks itself.
Checked by: tests/test_calls.py.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from inspect import Parameter, signature
from typing import Any

from sdekit.errors import ArgumentError

#: What other libraries and habits call our arguments; the first that a function has is meant.
OTHER_WORDS: Mapping[str, str] = {
    "step_size": "dt dt0 dt_0 h lr eps epsilon stepsize learning_rate timestep time_step",
    "steps draws": "num_steps n_steps nsteps num_samples n_samples niter n_iter num_draws "
    "iterations steps",
    "chains": "num_chains n_chains nchains paths n_paths num_paths trajectories walkers",
    "parameters": "params args par theta values",
    "position": "x0 y0 u0 q0 init initial initial_position init_params start state0",
    "potential target log_density": "U energy_fn energy potential_fn",
    "log_density log_prior": "logdensity logdensity_fn log_prob logp log_posterior logpost",
    "hamiltonian": "H energy",
    "noise": "sigma g dispersion volatility",
    "diffusion": "D diff covariance",
    "drift": "f mu v b",
    "seed key": "rng_key rng random_state random_seed prng_key key",
    "burn_in": "warmup num_warmup n_warmup burnin discard",
    "times": "saveat ts t_eval save_at",
    "t1": "T tmax t_max t_end t_final tf horizon",
    "t0": "t_start tmin",
    "scheme": "integrator method solver alg algorithm word",
    "batch_size": "batch minibatch minibatch_size M",
    "tolerance": "tol rtol atol",
    "domains": "constraints bounds support",
    "path": "out file filename",
    "n": "dim dims size",
    "precision": "dtype",
}
_MEANT = {word: ours.split() for ours, words in OTHER_WORDS.items() for word in words.split()}
#: How to write what is no word of ours under another name.
_HINTS = {
    ("sk.parameter", "shape"): "give its sizes one after the other, parameter(name, n, n)",
    ("sk.scalar", "positive"): 'write domain="positive"',
    ("sk.Minibatch", "temperature"): "divide both log densities by the temperature",
}
_DECLARATIONS = frozenset({"Dynamics", "Kernel", "Sampler"})


def meant(word: str, names: Collection[str]) -> str | None:
    """The name that a word stands for: another library's word for it, or the nearest spelling."""
    for name in _MEANT.get(word, ()):
        if name in names:
            return name
    return next(iter(get_close_matches(word, names, 1, 0.7)), None)


def answering(function: Callable[..., Any], name: str, package: str) -> Callable[..., Any]:
    """The function under its public name, whose wrong calls end in an error of four facts.

    Args:
        function: What does the work; its result, signature and documentation are kept.
        name: How users call it.
        package: What offers it, so that the function can be pickled by its name.

    Raises:
        ArgumentError: In the call, where an argument is unknown, missing or given by place, or
            the first one is no dynamics though it must be.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (TypeError, AttributeError) as error:
            own = [one for one in signature(function).parameters.values() if one.name != "self"]
            values = args[len(signature(function).parameters) - len(own) :]
            shown = f"{package.replace('sdekit', 'sk', 1)}.{name}"
            problem = _misfit(shown, own, len(values), kwargs) or (
                _no_dynamics(shown, own[0], [*values, *kwargs.values()]) if own else None
            )
            if problem is None:
                raise
            raise problem from error

    call.__module__, call.__qualname__ = package, name
    return call


def _misfit(
    shown: str, own: list[Parameter], count: int, kwargs: Mapping[str, Any]
) -> ArgumentError | None:
    """What is wrong with a call of `count` arguments by place, or None where they fit."""
    kinds = {one.kind for one in own}
    named = [
        one.name
        for one in own
        if one.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    ]
    placed = [one.name for one in own if one.kind is Parameter.POSITIONAL_OR_KEYWORD]
    unknown = [word for word in kwargs if word not in named]
    if unknown and Parameter.VAR_KEYWORD not in kinds:
        return unknown_arguments(shown, unknown, named, set(kwargs))
    if count > len(placed) and Parameter.VAR_POSITIONAL not in kinds:
        return ArgumentError(
            f"too many arguments of {shown} are given by place",
            expected=f"{', '.join(placed) or 'none'} by place",
            found=count,
            fix="name the others: " + ", ".join(f"{word}=" for word in named if word not in placed),
        )
    given = [*placed[:count], *kwargs]
    twice = [word for word in placed[:count] if word in kwargs]
    needed = [one.name for one in own if one.default is one.empty and one.name in named]
    missing = [word for word in needed if word not in given]
    if not twice and not missing:
        return None
    return ArgumentError(
        f"{shown} gets {twice[0]} twice" if twice else f"{shown} misses {', '.join(missing)}",
        expected=f"{shown}({', '.join(needed)}, ...)",
        found=", ".join(given) or "no arguments",
        fix="leave one of them out" if twice else f"help({shown}) says what {missing[0]} is",
    )


def unknown_arguments(
    shown: str, unknown: list[str], named: list[str], given: Collection[str] = ()
) -> ArgumentError:
    """The error of arguments that a function does not have, with what was meant.

    Args:
        shown: How users call the function.
        unknown: The arguments that it does not have.
        named: Those that it has.
        given: Those that the call gives.
    """
    meanings = [meant(word, named) for word in unknown]
    fixes = [
        _HINTS.get((shown, word))
        or (f"leave it out, {ours}= is given" if ours in given else f"write {ours}= for {word}=")
        for word, ours in zip(unknown, meanings, strict=True)
        if ours or (shown, word) in _HINTS
    ]
    return ArgumentError(
        f"{shown} has no argument {', '.join(unknown)}",
        expected=", ".join(filter(None, meanings)) or f"some of {', '.join(named)}",
        found=", ".join(unknown),
        fix="; ".join(fixes) or f"help({shown}) describes its arguments",
    )


def _no_dynamics(shown: str, first: Parameter, values: list[Any]) -> ArgumentError | None:
    """The error of a first argument that has to be a dynamics and is of another kind."""
    kinds = set(re.findall(r"\w+", str(first.annotation)))
    if not kinds & _DECLARATIONS or kinds & {
        "Any",
        *(one.__name__ for one in type(values[0]).__mro__),
    }:
        return None
    return ArgumentError(
        f"the {first.name} of {shown} is none",
        expected=str(first.annotation).replace(" | ", " or "),
        found=f"{repr(values[0])[:60]} of type {type(values[0]).__name__}",
        fix='by name it is sk.catalog.get("langevin"), from a file sk.load("model.toml")',
    )
