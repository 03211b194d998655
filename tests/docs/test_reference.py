"""The reference is whole: every public name is on a page, and its arguments are described."""

import importlib
import inspect

import pytest

import sdekit as sk
from docs.generate.docstrings import arguments_described, as_markdown
from docs.generate.reference import names_of_module, write_reference


def functions():
    """Public functions by their full name."""
    found = {f"sk.{name}": getattr(sk, name) for name in sk._MODULE_OF}
    for short, home in sk._NAMESPACES.items():
        module = importlib.import_module(home)
        found |= {f"sk.{short}.{name}": getattr(module, name) for name in names_of_module(module)}
    return {name: value for name, value in found.items() if inspect.isfunction(value)}


FUNCTIONS = functions()


def undescribed(function):
    """Parameters that the docstring has no entry for; one argument alone needs none."""
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    missing = [name for name in names if name not in arguments_described(function)]
    return [] if len(names) < 2 else missing


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_arguments_of_a_public_function_are_described(name):
    assert undescribed(FUNCTIONS[name]) == []


def test_an_argument_without_words_is_found():
    def halved(x, factor):
        """Half of x.

        Args:
            x: A number.
        """

    assert undescribed(halved) == ["factor"]


def test_every_public_name_is_on_a_page(tmp_path):
    write_reference(tmp_path)
    text = "".join(page.read_text() for page in tmp_path.glob("*.md"))
    for name in sk._MODULE_OF:
        assert f"}} sdekit.{name}" in text, name
    for name in FUNCTIONS:
        assert f"}} sdekit.{name.removeprefix('sk.')}(" in text, name


def test_formulas_examples_and_errors_of_a_docstring_keep_their_form():
    text = as_markdown(sk.Minibatch)
    assert "\n$$\n" in text and "```pycon\n>>> import" in text and "**Errors**" in text
    assert "- `batch_size`: M." in text
