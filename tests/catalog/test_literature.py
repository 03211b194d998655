"""Short references have full ones, each once, and BibTeX that closes its brackets."""

import re

import pytest

from sdekit.catalog import entries
from sdekit.catalog.literature import LITERATURE, works_named

#: Entries of the catalogue whose source names a work, but none of the table.
WITHOUT = {
    entry.name: entry.source
    for entry in entries()
    if re.search(r"\d{4}", entry.source) and not works_named(entry.source)
}


@pytest.mark.parametrize("work", LITERATURE.values(), ids=LITERATURE)
def test_a_reference_is_complete(work):
    assert re.fullmatch(r"\d{4}", work.year) and work.authors and work.title and work.where
    assert work.short.split()[0].strip(",") in work.authors or "-" in work.authors
    assert work.bibtex.count("{") == work.bibtex.count("}")
    assert not work.doi or re.fullmatch(r"10\.\d{4,}/\S+", work.doi)


def test_every_work_that_an_entry_of_the_catalogue_names_is_in_the_table():
    """Twin: a name that the table lacks is found missing."""
    assert works_named("Nobody 1999") == ()
    assert WITHOUT == {}


def test_keys_of_bibtex_differ():
    keys = [work.bibtex.partition(",")[0] for work in LITERATURE.values()]
    assert len(set(keys)) == len(keys)
