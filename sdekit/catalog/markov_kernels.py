"""Published kernels and their known mistakes, as model files with the verdict they must get.

Not for reading the files (`sdekit.kernels`) nor for deciding them (`sdekit.verifier.markov`).
Checked by: tests/catalog/test_markov_kernels.py.
"""

from __future__ import annotations

from dataclasses import dataclass

PROVED, REFUTED = "proved", "refuted"
#: Proved under a condition, such as that an implicit equation has one solution.
CONDITIONAL = "conditional"

_POSITION = """
[dimensions]
n = "any"
[variables]
theta = { shape = ["n"], role = "target" }
"""
_PARAMETERS = """
[parameters]
A = "positive"
c = "positive"
T = "positive"
s = "positive"
[functions]
U = ["theta"]
"""
_MOMENTUM = """p = { shape = ["n"] }
"""
#: The model that a kernel stands in, by name.
MODELS = {
    "hamiltonian": f"""{_POSITION}{_MOMENTUM}{_PARAMETERS}
[drift]
theta = "p"
p = "-grad(U(theta), theta)"
[energy]
H = "U(theta) + dot(p, p)/2"
target = "U(theta)"
""",
    "langevin": f"""{_POSITION}{_MOMENTUM}{_PARAMETERS}
[drift]
theta = "p"
p = "-grad(U(theta), theta) - A*p"
[diffusion]
p = "A*eye(n)"
[energy]
H = "U(theta) + dot(p, p)/2"
target = "U(theta)"
""",
    "nose-hoover": f"""{_POSITION}{_MOMENTUM}xi = {{}}
[parameters]
mu = "positive"
[functions]
U = ["theta"]
[drift]
theta = "p"
p = "-grad(U(theta), theta) - xi*p"
xi = "(dot(p, p) - n)/mu"
[energy]
H = "U(theta) + dot(p, p)/2 + mu*xi**2/2"
target = "U(theta)"
""",
    "riemannian": f"""{_POSITION}{_MOMENTUM}
[functions]
U = ["theta"]
G = {{ of = ["theta"], shape = ["n", "n"], positive_definite = true }}
[drift]
theta = "inv(G(theta)) @ p"
p = "-grad(U(theta) + dot(p, inv(G(theta)) @ p)/2 + logdet(G(theta))/2, theta)"
[energy]
H = "U(theta) + dot(p, inv(G(theta)) @ p)/2 + logdet(G(theta))/2"
target = "U(theta)"
""",
    "position": f"""{_POSITION}{_PARAMETERS}
[energy]
H = "U(theta)"
""",
    "dilation": f"""{_POSITION}a = {{}}
[functions]
U = ["theta"]
[energy]
H = "U(theta) + a**2/2"
target = "U(theta)"
""",
    "two blocks": """
[dimensions]
n = "any"
k = "any"
[variables]
theta = { shape = ["n"], role = "target" }
lam = { shape = ["k"], role = "target" }
p = { shape = ["n"] }
[functions]
U = ["theta", "lam"]
[drift]
theta = "p"
lam = "0*lam"
p = "-grad(U(theta, lam), theta)"
[energy]
H = "U(theta, lam) + dot(p, p)/2"
target = "U(theta, lam)"
""",
}


@dataclass(frozen=True)
class KernelEntry:
    """One kernel with the verdict that it must get.

    Attributes:
        name: What users type.
        title: What readers read.
        source: Author and year.
        model: A name of `MODELS`.
        steps: As in `[kernel] steps`.
        verdict: Proved, refuted or conditional.
        refuted: The checks beside invariance that must be refuted.
        notes: What a user should know.
    """

    name: str
    title: str
    source: str
    model: str
    steps: tuple[str, ...]
    verdict: str = PROVED
    refuted: tuple[str, ...] = ()
    notes: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether the kernel is a known mistake, which must be refuted."""
        return self.verdict == REFUTED

    @property
    def claims_all(self) -> bool:
        """Whether a proof is claimed."""
        return not self.is_wrong

    @property
    def is_conditional(self) -> bool:
        """Whether the proof needs a condition."""
        return self.verdict == CONDITIONAL

    def to_dict(self) -> dict[str, object]:
        """The record as plain data."""
        return {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "steps": list(self.steps),
            "verdict": self.verdict,
            "refuted": list(self.refuted),
            "notes": self.notes,
        }

    def model_file(self) -> str:
        """The text of its model file."""
        steps = ", ".join(f'"{step}"' for step in self.steps)
        head = f'name = "{self.name}"\nsource = "{self.source}"\n'
        return f"{head}{MODELS[self.model]}\n[kernel]\nsteps = [{steps}]\n"


_LEAPFROG = "metropolis (BAB)^L flip p"
_DUANE, _HOROWITZ = "Duane et al. 1987", "Horowitz 1991"
_STATE = "1/(1 + exp(U(theta)))"
_MALA = "jump theta to theta - h*grad(U(theta), theta) scale sqrt(2*h)"

ENTRIES = (
    KernelEntry("hmc", "Hamiltonian Monte Carlo", _DUANE, "hamiltonian", ("refresh p", _LEAPFROG)),
    KernelEntry(
        "hmc-randomized",
        "HMC with a random number of steps",
        "Mackenzie 1989; Bou-Rabee and Sanz-Serna 2017",
        "hamiltonian",
        ("refresh p", "metropolis (BAB)^{1: 1/4, 2: 1/4, 5: 1/2} flip p"),
    ),
    KernelEntry(
        "hmc-barker",
        "HMC accepted by Barker's rule",
        "Barker 1965",
        "hamiltonian",
        ("refresh p", f"{_LEAPFROG} accept barker"),
    ),
    KernelEntry(
        "hmc-slice",
        "HMC accepted above a uniform level",
        "Neal 2003; Hoffman and Gelman 2014",
        "hamiltonian",
        ("refresh p", "slice (BAB)^L flip p"),
    ),
    KernelEntry(
        "hmc-delayed",
        "HMC with delayed rejection: a shorter step for a second attempt",
        "Mira 2001; Modi, Barnett and Carpenter 2023",
        "hamiltonian",
        ("refresh p", "delayed (BAB)^L flip p | (BAB)^L step h/4 flip p"),
    ),
    KernelEntry(
        "generalized-hmc",
        "HMC with partial refreshment, flipped where rejected",
        _HOROWITZ,
        "hamiltonian",
        ("refresh p keep c", _LEAPFROG, "flip p"),
    ),
    KernelEntry(
        "malt",
        "Metropolis-adjusted Langevin trajectories",
        "Riou-Durand and Vogrinc 2022",
        "langevin",
        ("refresh p", "metropolis (OBABO)^L flip p"),
    ),
    KernelEntry(
        "baoab-adjusted",
        "Metropolis-adjusted BAOAB",
        "Leimkuhler and Matthews 2013; Riou-Durand and Vogrinc 2022",
        "langevin",
        ("metropolis (BAOAB)^L flip p", "flip p"),
    ),
    KernelEntry(
        "nose-hoover-adjusted",
        "Nose-Hoover trajectories, accepted with their Jacobian",
        "Hoover 1985; Fang, Sanz-Serna and Skeel 2014",
        "nose-hoover",
        ("refresh p", "refresh xi", "metropolis (BADODAB)^L flip p xi"),
    ),
    KernelEntry(
        "rhmc-midpoint",
        "Riemannian HMC by the implicit midpoint rule",
        "Girolami and Calderhead 2011; Brofos and Lederman 2021",
        "riemannian",
        ("refresh p", "metropolis midpoint^L flip p"),
        CONDITIONAL,
        notes="Where the implicit equation has one solution, which the solver finds.",
    ),
    KernelEntry(
        "mala",
        "Metropolis-adjusted Langevin algorithm",
        "Roberts and Tweedie 1996",
        "position",
        (f"metropolis {_MALA}",),
    ),
    KernelEntry(
        "random-walk",
        "Random-walk Metropolis",
        "Metropolis et al. 1953",
        "position",
        ("metropolis walk theta scale s",),
    ),
    KernelEntry(
        "dilation",
        "A random dilation, accepted with its Jacobian",
        "Green 1995",
        "dilation",
        ("refresh a", "metropolis map theta -> exp(a)*theta, a -> -a"),
    ),
    KernelEntry(
        "gibbs-hmc",
        "HMC for one block and an exact draw of another, as in BPMF and LDA",
        "Salakhutdinov and Mnih 2008; Neal 1996",
        "two blocks",
        ("refresh lam", "refresh p", _LEAPFROG),
    ),
)

WRONG = (
    KernelEntry(
        "hmc-not-palindrome",
        "HMC by a word that is no palindrome",
        _DUANE,
        "hamiltonian",
        ("refresh p", "metropolis (AB)^L flip p"),
        REFUTED,
        ("involution",),
    ),
    KernelEntry(
        "generalized-hmc-no-flip",
        "Generalized HMC that does not flip where it rejects",
        _HOROWITZ,
        "hamiltonian",
        ("refresh p keep c", "metropolis (BAB)^L"),
        REFUTED,
        ("involution",),
    ),
    KernelEntry(
        "hmc-half-step",
        "HMC whose acceptance leaves the last half step out",
        _DUANE,
        "hamiltonian",
        ("refresh p", f"{_LEAPFROG} count 1 2"),
        REFUTED,
        ("acceptance",),
    ),
    KernelEntry(
        "hmc-temperature",
        "HMC with momenta of another temperature",
        _DUANE,
        "hamiltonian",
        ("refresh p law dot(p, p)/(2*T)", _LEAPFROG),
        REFUTED,
        ("refreshment",),
    ),
    KernelEntry(
        "hmc-potential-only",
        "HMC that accepts by the potential alone",
        _DUANE,
        "hamiltonian",
        ("refresh p", f"{_LEAPFROG} energy U(theta)"),
        REFUTED,
        ("acceptance",),
    ),
    KernelEntry(
        "hmc-steps-of-state",
        "HMC whose number of steps is drawn from the state",
        _DUANE,
        "hamiltonian",
        ("refresh p", f"metropolis (BAB)^{{1: {_STATE}, 2: 1 - {_STATE}}} flip p"),
        REFUTED,
        ("acceptance",),
    ),
    KernelEntry(
        "hmc-exponential",
        "HMC accepted with exp(-change of H) alone, as if it were Barker's rule",
        "Barker 1965",
        "hamiltonian",
        ("refresh p", f"{_LEAPFROG} accept t"),
        REFUTED,
        ("acceptance",),
    ),
    KernelEntry(
        "hmc-slice-after",
        "HMC above a level that is redrawn after the move",
        "Neal 2003",
        "hamiltonian",
        ("refresh p", "slice (BAB)^L flip p level after"),
        REFUTED,
        ("acceptance",),
    ),
    KernelEntry(
        "hmc-delayed-forgetful",
        "Delayed rejection whose second ratio forgets the first rejection",
        "Mira 2001",
        "hamiltonian",
        ("refresh p", "delayed (BAB)^2 flip p | BAB step h/4 flip p | forgetful"),
        REFUTED,
        ("acceptance",),
    ),
    KernelEntry(
        "malt-counts-noise",
        "MALT that counts the energy of its O segments",
        "Riou-Durand and Vogrinc 2022",
        "langevin",
        ("refresh p", "metropolis (OBABO)^L flip p count OBA"),
        REFUTED,
        ("acceptance",),
    ),
    KernelEntry(
        "nose-hoover-no-volume",
        "Nose-Hoover trajectories, accepted without their log-volume",
        "Fang, Sanz-Serna and Skeel 2014",
        "nose-hoover",
        ("refresh p", "refresh xi", "metropolis (BADODAB)^L flip p xi volume 0"),
        REFUTED,
        ("volume",),
    ),
    KernelEntry(
        "dilation-jacobian",
        "A random dilation with the Jacobian of one dimension",
        "Green 1995",
        "dilation",
        ("refresh a", "metropolis map theta -> exp(a)*theta, a -> -a volume a"),
        REFUTED,
        ("volume",),
    ),
    KernelEntry(
        "mala-symmetric",
        "MALA accepted as if its proposal were symmetric",
        "Roberts and Tweedie 1996",
        "position",
        (f"metropolis {_MALA} symmetric",),
        REFUTED,
        ("acceptance",),
    ),
)
