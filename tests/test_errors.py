"""A word that an argument cannot be is told with those that it can be."""

import pytest

from sdekit.errors import DataError, check_word


@pytest.mark.parametrize("word", ["", None, 1, ["x"], "mean"])
def test_what_is_no_known_word_is_refused(word):
    with pytest.raises(DataError) as caught:
        check_word("size", word, {"bulk": 1, "tail": 2}, DataError)
    told = f"unknown size: expected 'bulk' or 'tail', found {word!r}"
    assert str(caught.value) == told


def test_a_word_that_is_nearly_one_is_told_which():
    with pytest.raises(DataError, match=r"found 'tial'. Fix: did you mean tail\?"):
        check_word("size", "tial", ("bulk", "tail"), DataError)


def test_a_known_word_passes():
    check_word("size", "tail", ("bulk", "tail"), DataError)
