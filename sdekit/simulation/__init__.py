"""Running: from a declaration to JAX, from one path to many chains on many devices.

`sampler` binds a dynamics to values and a scheme; `simulate` runs it in compiled blocks. Modules,
from the bottom up: `lower`, `lower_sympy` (expressions to JAX), `fast_normal`, `noise` (random
numbers), `linear_flows`, `covariance` (numerics of flows and noise), `stage`, `stages`,
`linear_stages` (flow records as stages), `gradients`, `minibatch` (where grad U comes from),
`position`, `problem`, `start` (what is given), `scheme`, `words`, `published`, `metropolis` (what a
step is), `plan`, `loop`, `driver`, `course` (how steps are run), `sampler`, `run`, `result` (what
users call and get).

Not for deciding anything: verdicts come from `sdekit.verifier`, parts of a splitting from
`sdekit.schemes`. This is the only subpackage that needs JAX; nothing is imported here.
"""
