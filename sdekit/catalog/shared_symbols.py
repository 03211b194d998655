"""The symbols that the catalogue shares: one letter means one thing in all its entries.

Notation: theta position, p momentum, xi thermostat, s memory; U potential; A friction or noise
level, mu thermal mass, M mass, beta inverse temperature. Not for formulas; those stand with their
entries.
"""

from __future__ import annotations

from sdekit.declaration.functions.grammar import dot
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import parameter, potential, scalar, vector

n = Dim("n")

theta = vector("theta", n)
p = vector("p", n)
s = vector("s", n)
xi = scalar("xi")

U = potential("U", theta)
#: |p|^2 / 2, the kinetic energy of unit mass.
kinetic = dot(p, p) / 2

A = parameter("A", positive=True)
B = parameter("B", positive=True)
mu = parameter("mu", positive=True)
gamma = parameter("gamma", positive=True)
beta = parameter("beta", positive=True)
M = parameter("M", n, n, positive_definite=True)
