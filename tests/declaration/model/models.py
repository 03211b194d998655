"""Declarations that several tests of the declare layer share."""

import sdekit as sk

n = sk.dim("n")
theta, p, xi = sk.vector("theta", n), sk.vector("p", n), sk.scalar("xi")
A, mu = sk.parameter("A", positive=True), sk.parameter("mu", positive=True)
U = sk.potential("U", theta)

#: The declaration of DESIGN section 1.
sgnht = sk.Dynamics(
    drift={theta: p, p: -sk.grad(U, theta) - xi * p, xi: (sk.dot(p, p) - n) / mu},
    diffusion={p: A * sk.eye(n)},
    hamiltonian=U + sk.dot(p, p) / 2 + mu * (xi - A) ** 2 / 2,
    target=U,
)

SGNHT_TOML = """
name = "SGNHT"
source = "Ding et al. 2014, eq. (5)-(6)"
[dimensions]
n = "any"
[variables]
theta = { shape = ["n"], role = "target" }
p     = { shape = ["n"] }
xi    = { }
[parameters]
A  = "positive"
mu = "positive"
[functions]
U = ["theta"]
[drift]
theta = "p"
p     = "-grad(U(theta), theta) - xi*p"
xi    = "(dot(p, p) - n)/mu"
[diffusion]
p = "A*eye(n)"
[energy]
H      = "U(theta) + dot(p, p)/2 + mu*(xi - A)**2/2"
target = "U(theta)"
"""
