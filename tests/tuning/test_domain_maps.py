"""Maps of domains are inverse to their readers and know their volume."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdekit.errors import SimulationError
from sdekit.tuning.domain_maps import domain_map, maps_of

INSIDE = {
    "positive": np.array([0.3, 2.0]),
    "simplex": np.array([0.2, 0.5, 0.3]),
    "ordered": np.array([-1.0, 0.5, 4.0]),
    ("1", "7/2"): np.array([1.2, 3.0]),
}


@pytest.mark.parametrize("domain", INSIDE, ids=str)
def test_a_map_is_inverse_to_its_reader_and_its_volume_is_that_of_the_jacobian(domain):
    found, x = domain_map("x", domain), INSIDE[domain]
    with jax.enable_x64(True):
        y = jnp.asarray(found.from_domain(x))
        assert y.shape == found.free_shape(x.shape)
        np.testing.assert_allclose(found.to_domain(y), x, rtol=1e-12)
        # The density of a simplex is one of its first k - 1 entries.
        jacobian = jax.jacfwd(found.to_domain)(y)[: y.size]
        exact = np.linalg.slogdet(jacobian)[1]
        np.testing.assert_allclose(found.log_volume(y), exact, rtol=1e-10)
    assert found.holds(x) and not found.holds(-x)


@pytest.mark.parametrize(
    "domain", ["positve", ["0", "0"], ["1", "0"], ["0", "x"], [0, np.inf], {"circle": 1}, 3]
)
def test_an_unknown_domain_is_refused(domain):
    with pytest.raises(SimulationError, match="the domain of tau is not known"):
        domain_map("tau", domain)


def test_domains_name_leaves_that_exist_and_starts_lie_inside():
    with pytest.raises(SimulationError, match="domains name taw"):
        maps_of({"taw": "positive"}, ["tau"], [np.ones(2)])
    with pytest.raises(SimulationError, match="the start of tau lies outside"):
        maps_of({"tau": "positive"}, ["tau"], [np.array([1.0, 0.0])])
    with pytest.raises(SimulationError, match="no two entries"):
        maps_of({"w": "simplex"}, ["w"], [np.array(1.0)])
    with pytest.raises(SimulationError, match="which parameter"):
        maps_of("positive", ["a", "b"], [np.array(1.0), np.array(1.0)])
