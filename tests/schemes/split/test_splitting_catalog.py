"""Every published dynamics is split, and its parts are proved to add up."""

from __future__ import annotations

import pytest

import sdekit.catalog as catalog
from sdekit.schemes.order.order_claims import universal_order
from sdekit.schemes.split.scheme_names import named
from sdekit.schemes.split.splitting import splitting

#: The words that users expect, and the letters without an exact flow.
EXPECTED = {
    "hamiltonian": ("BAB", ""),
    "overdamped": ("EM", "S"),
    "langevin": ("BAOAB", ""),
    "langevin-mass": ("BAOAB", ""),
    "langevin-physical": ("BAOAB", ""),
    "langevin-magnetic": ("BARORAB", ""),
    "langevin-relativistic": ("BAOAB", "O"),
    "langevin-kinetic": ("BAOAB", "O"),
    "gle": ("BAOAB", ""),
    "sghmc": ("BAOAB", ""),
    "sghmc-unmatched": ("BAOAB", ""),
    "nose-hoover": ("BADODAB", ""),
    "nose-hoover-chain": ("BADEFOFEDAB", ""),
    "nose-hoover-langevin": ("BADEOEDAB", ""),
    "sgnht": ("BADODAB", ""),
    "sgnht-paper": ("BADODAB", ""),
    "sgnht-diagonal": ("BADODAB", ""),
    "sgnht-matrix": ("BADODAB", ""),
    "sgnht-matrix-symmetric": ("BADODAB", ""),
    "adaptive-langevin": ("BADODAB", ""),
    "ccadl": ("BADODAB", ""),
    "sgnht-position": ("BEADODAEB", ""),
    "santa": ("BEADODAEB", "A"),
    "sgrhmc": ("BAOAB", "A"),
    "recipe": ("EM", "S"),
    "constant-covariance": ("O", ""),
}


@pytest.mark.parametrize("name", catalog.names(plain=False))
def test_the_parts_add_up_and_the_default_word_is_a_palindrome(name: str) -> None:
    found = splitting(catalog.get(name))
    assert found.proof.holds, found.proof
    assert len(set(found.letters)) == len(found.letters)
    assert "M" not in found.letters
    if named(found.default_word) is None:
        word = found.parse(found.default_word)
        assert word == word[::-1]
        assert universal_order(word, 2) == 2


@pytest.mark.parametrize("name", EXPECTED)
def test_known_dynamics_get_the_words_that_users_expect(name: str) -> None:
    found = splitting(catalog.get(name))
    inexact = "".join(part.letter for part in found.parts if not part.exact)
    assert (found.default_word, inexact) == EXPECTED[name]
