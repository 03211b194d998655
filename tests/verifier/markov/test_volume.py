"""Log-volumes of closed forms and of flows, and stated ones that are wrong."""

import pytest

import sdekit as sk
from sdekit.calculus.contraction import lower
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.operators import as_expression
from sdekit.verifier.markov.kernel_problem import KernelProblem
from sdekit.verifier.markov.volume import log_determinant

K, N = sk.kernels, sk.dim("n")
X, Y, S = sk.vector("x", N), sk.vector("y", N), sk.scalar("s")
A = sk.parameter("a", positive=True)
H = sk.dot(X, X) / 2 + sk.dot(Y, Y) / 2 + S**2 / 2

MAPS = {
    "a shear": ({X: X + S * sk.grad(sk.potential("U", Y), Y)}, 0),
    "an exchange": ({X: Y, Y: -X}, 0),
    "a scaling": ({X: A * X, S: 3 * S}, sk.log(3) + N * sk.log(A)),
    "a scaling that the scalar sets": ({X: sk.exp(S) * X}, N * S),
    "triangular": ({X: 2 * X + Y, Y: Y / 2 + S * sk.ones(N)}, 0),
}


@pytest.mark.parametrize("name", MAPS)
def test_the_log_volume_of_a_map_for_every_size(name):
    images, expected = MAPS[name]
    kernel = K.compose(K.map_to(images), hamiltonian=H)
    found = log_determinant(KernelProblem(kernel), K.map_to(images))
    assert found == lower(as_expression(expected))


def test_a_map_that_is_not_triangular_is_not_decided():
    step = K.map_to({X: X + Y, Y: X - Y})
    with pytest.raises(Unsupported, match="triangular"):
        log_determinant(KernelProblem(K.compose(step, hamiltonian=H)), step)
