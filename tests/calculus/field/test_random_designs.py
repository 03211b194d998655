"""Random designs with known answers: no wrong verdict, and few without one.

The long form of this check belongs to the evidence in `verification/`.
"""

import random

import pytest

from sdekit.calculus.field import field_residual as stationarity
from sdekit.calculus.field.field_residual import FieldResidual
from tests.calculus.field.designs import is_zero_by_oracle, perturbed, random_design

SEEDS = range(4)
DESIGNS = 14


def designs(seed):
    chance = random.Random(seed)
    found = []
    while len(found) < DESIGNS:
        design = random_design(chance, depth=2)
        if design is not None:
            found.append(design)
    return chance, found


@pytest.mark.parametrize("seed", SEEDS)
def test_designs_from_the_complete_recipe_are_never_refuted_and_mostly_proved(seed):
    chance, found = designs(seed)
    verdicts = []
    for design in found:
        verdict = FieldResidual(design).is_zero
        # Where nothing is real nothing can be said; elsewhere the recipe is right.
        assert verdict is not False
        if is_zero_by_oracle(design, chance) is not None:
            verdicts.append(verdict)
    assert verdicts.count(True) >= 0.9 * len(verdicts)
    assert verdicts.count(True) >= 8


@pytest.mark.parametrize("seed", SEEDS)
def test_perturbed_designs_are_judged_as_the_oracle_judges_them(seed):
    chance, found = designs(seed)
    refuted = 0
    for design in found:
        changed = perturbed(chance, design)
        truth = None if changed is None else is_zero_by_oracle(changed, chance)
        if truth is None:
            continue
        verdict = FieldResidual(changed).is_zero
        assert verdict in (truth, None)
        refuted += verdict is False
    assert refuted >= 5


def test_a_wrong_sign_in_the_engine_would_be_noticed(monkeypatch):
    """Twin: with the divergence of D subtracted twice, right designs are no longer proved."""
    right = stationarity.current_elements

    def wrong(components, reader):
        slopes, current = right(components, reader)
        tower = reader.tower
        for (i, j), entry in components.diffusion.items():
            extra = tower.derivative(reader.read(entry), j)
            current[i] = current.get(i, extra - extra) - extra
        return slopes, current

    monkeypatch.setattr(stationarity, "current_elements", wrong)
    _, found = designs(0)
    verdicts = [FieldResidual(design).is_zero for design in found]
    assert verdicts.count(None) >= 5
