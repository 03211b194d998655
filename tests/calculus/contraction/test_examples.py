"""The examples in the docstrings of the index calculus run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import sdekit.calculus.contraction as package

MODULES = [
    module.name.removeprefix(f"{package.__name__}.")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_module_are_true(name):
    module = importlib.import_module(f"{package.__name__}.{name}")
    assert doctest.testmod(module).failed == 0


def test_there_are_examples():
    """Twin: the tests above would pass without any."""
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in MODULES]
    assert sum(bool(test.examples) for module in modules for test in finder.find(module)) >= 4
