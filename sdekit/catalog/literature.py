"""Full references behind the short ones that entries, theorems and schemes carry, as data.

A short reference is the authors and the year, "Ding et al. 2014". Not for what the works say.
Checked by: tests/catalog/test_literature.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """One published work.

    Attributes:
        short: As it stands in texts: authors and year.
        authors: All of them, or the first ones and "and others".
        title: Of the work.
        where: Journal, volume and pages, or the book's publisher.
        doi: Without the resolver's address; empty where none is known.
    """

    short: str
    authors: str
    title: str
    where: str
    doi: str = ""

    @property
    def year(self) -> str:
        """The year of publication."""
        return self.short.rpartition(" ")[2]

    @property
    def text(self) -> str:
        """The reference as one sentence."""
        found = f"{self.authors} ({self.year}). {self.title}. {self.where}."
        return f"{found} doi:{self.doi}." if self.doi else found

    @property
    def bibtex(self) -> str:
        """The reference as an entry of a BibTeX file."""
        key = re.sub(r"\W", "", self.short.partition(" ")[0].lower()) + self.year
        fields = {
            "author": self.authors, "title": f"{{{self.title}}}", "year": self.year,
            "howpublished": self.where, "doi": self.doi,
        }  # fmt: skip
        lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
        return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"


def _works(*rows: tuple[str, ...]) -> dict[str, Work]:
    return {row[0]: Work(*row) for row in rows}


#: By short reference.
LITERATURE = _works(
    ("Ali, Dobriban and Tibshirani 2020", "A. Ali and E. Dobriban and R. J. Tibshirani",
     "The implicit regularization of stochastic gradient flow for least squares",
     "International Conference on Machine Learning 37"),
    ("Barker 1965", "A. A. Barker",
     "Monte Carlo calculations of the radial distribution functions for a proton-electron plasma",
     "Australian Journal of Physics 18, 119-133", "10.1071/PH650119"),
    ("Bou-Rabee and Sanz-Serna 2017", "N. Bou-Rabee and J. M. Sanz-Serna",
     "Randomized Hamiltonian Monte Carlo", "Annals of Applied Probability 27, 2159-2194",
     "10.1214/16-AAP1255"),
    ("Ceriotti, Bussi and Parrinello 2010", "M. Ceriotti and G. Bussi and M. Parrinello",
     "Colored-noise thermostats a la carte",
     "Journal of Chemical Theory and Computation 6, 1170-1180", "10.1021/ct900563s"),
    ("Chen et al. 2016", "C. Chen and D. Carlson and Z. Gan and C. Li and L. Carin",
     "Bridging the gap between stochastic gradient MCMC and stochastic optimization",
     "International Conference on Artificial Intelligence and Statistics 19"),
    ("Chen, Fox and Guestrin 2014", "T. Chen and E. B. Fox and C. Guestrin",
     "Stochastic gradient Hamiltonian Monte Carlo",
     "International Conference on Machine Learning 31"),
    ("Ding et al. 2014",
     "N. Ding and Y. Fang and R. Babbush and C. Chen and R. D. Skeel and H. Neven",
     "Bayesian sampling using stochastic gradient thermostats",
     "Advances in Neural Information Processing Systems 27"),
    ("Duane et al. 1987", "S. Duane and A. D. Kennedy and B. J. Pendleton and D. Roweth",
     "Hybrid Monte Carlo", "Physics Letters B 195, 216-222", "10.1016/0370-2693(87)91197-X"),
    ("Fang, Sanz-Serna and Skeel 2014", "Y. Fang and J. M. Sanz-Serna and R. D. Skeel",
     "Compressible generalized hybrid Monte Carlo", "Journal of Chemical Physics 140, 174108",
     "10.1063/1.4874000"),
    ("Forman and Sorensen 2008", "J. L. Forman and M. Sorensen",
     "The Pearson diffusions: a class of statistically tractable diffusion processes",
     "Scandinavian Journal of Statistics 35, 438-465", "10.1111/j.1467-9469.2007.00592.x"),
    ("Gan et al. 2015", "Z. Gan and C. Chen and R. Henao and D. Carlson and L. Carin",
     "Scalable deep Poisson factor analysis for topic modeling",
     "International Conference on Machine Learning 32"),
    ("Girolami and Calderhead 2011", "M. Girolami and B. Calderhead",
     "Riemann manifold Langevin and Hamiltonian Monte Carlo methods",
     "Journal of the Royal Statistical Society B 73, 123-214", "10.1111/j.1467-9868.2010.00765.x"),
    ("Green 1995", "P. J. Green",
     "Reversible jump Markov chain Monte Carlo computation and Bayesian model determination",
     "Biometrika 82, 711-732", "10.1093/biomet/82.4.711"),
    ("Hoover 1985", "W. G. Hoover",
     "Canonical dynamics: equilibrium phase-space distributions",
     "Physical Review A 31, 1695-1697", "10.1103/PhysRevA.31.1695"),
    ("Horowitz 1991", "A. M. Horowitz", "A generalized guided Monte Carlo algorithm",
     "Physics Letters B 268, 247-252", "10.1016/0370-2693(91)90812-5"),
    ("Hormander 1967", "L. Hormander", "Hypoelliptic second order differential equations",
     "Acta Mathematica 119, 147-171", "10.1007/BF02392081"),
    ("Hwang, Hwang-Ma and Sheu 1993", "C.-R. Hwang and S.-Y. Hwang-Ma and S.-J. Sheu",
     "Accelerating Gaussian diffusions", "Annals of Applied Probability 3, 897-913",
     "10.1214/aoap/1177005371"),
    ("Jones and Leimkuhler 2011", "A. Jones and B. Leimkuhler",
     "Adaptive stochastic methods for sampling driven molecular systems",
     "Journal of Chemical Physics 135, 084125", "10.1063/1.3626941"),
    ("Khasminskii 2012", "R. Khasminskii",
     "Stochastic stability of differential equations", "2nd edition, Springer",
     "10.1007/978-3-642-23280-0"),
    ("Leimkuhler and Matthews 2013", "B. Leimkuhler and C. Matthews",
     "Rational construction of stochastic numerical methods for molecular sampling",
     "Applied Mathematics Research eXpress 2013, 34-56", "10.1093/amrx/abs010"),
    ("Lu et al. 2017", "X. Lu and V. Perrone and L. Hasenclever and Y. W. Teh and S. J. Vollmer",
     "Relativistic Monte Carlo",
     "International Conference on Artificial Intelligence and Statistics 20"),
    ("Ma, Chen and Fox 2015", "Y.-A. Ma and T. Chen and E. B. Fox",
     "A complete recipe for stochastic gradient MCMC",
     "Advances in Neural Information Processing Systems 28"),
    ("Martyna, Klein and Tuckerman 1992", "G. J. Martyna and M. L. Klein and M. Tuckerman",
     "Nose-Hoover chains: the canonical ensemble via continuous dynamics",
     "Journal of Chemical Physics 97, 2635-2643", "10.1063/1.463940"),
    ("Metropolis et al. 1953",
     "N. Metropolis and A. W. Rosenbluth and M. N. Rosenbluth and A. H. Teller and E. Teller",
     "Equation of state calculations by fast computing machines",
     "Journal of Chemical Physics 21, 1087-1092", "10.1063/1.1699114"),
    ("Neal 2003", "R. M. Neal", "Slice sampling", "Annals of Statistics 31, 705-767",
     "10.1214/aos/1056562461"),
    ("Nose 1984", "S. Nose",
     "A unified formulation of the constant temperature molecular dynamics methods",
     "Journal of Chemical Physics 81, 511-519", "10.1063/1.447334"),
    ("Patterson and Teh 2013", "S. Patterson and Y. W. Teh",
     "Stochastic gradient Riemannian Langevin dynamics on the probability simplex",
     "Advances in Neural Information Processing Systems 26"),
    ("Risken 1996", "H. Risken", "The Fokker-Planck equation", "2nd edition, Springer",
     "10.1007/978-3-642-61544-3"),
    ("Roberts and Tweedie 1996", "G. O. Roberts and R. L. Tweedie",
     "Exponential convergence of Langevin distributions and their discrete approximations",
     "Bernoulli 2, 341-363", "10.2307/3318418"),
    ("Robnik et al. 2023", "J. Robnik and G. B. De Luca and E. Silverstein and U. Seljak",
     "Microcanonical Hamiltonian Monte Carlo", "Journal of Machine Learning Research 24"),
    ("Samoletov, Dettmann and Chaplain 2007",
     "A. A. Samoletov and C. P. Dettmann and M. A. J. Chaplain",
     "Thermostats for 'slow' configurational modes",
     "Journal of Statistical Physics 128, 1321-1336", "10.1007/s10955-007-9365-2"),
    ("Shang et al. 2015", "X. Shang and Z. Zhu and B. Leimkuhler and A. J. Storkey",
     "Covariance-controlled adaptive Langevin thermostat for large-scale Bayesian sampling",
     "Advances in Neural Information Processing Systems 28"),
    ("Tripuraneni et al. 2017",
     "N. Tripuraneni and M. Rowland and Z. Ghahramani and R. Turner",
     "Magnetic Hamiltonian Monte Carlo", "International Conference on Machine Learning 34"),
    ("Welling and Teh 2011", "M. Welling and Y. W. Teh",
     "Bayesian learning via stochastic gradient Langevin dynamics",
     "International Conference on Machine Learning 28"),
    ("Allen 2008", "L. J. S. Allen", "An introduction to stochastic epidemic models",
     "Mathematical Epidemiology, Lecture Notes in Mathematics 1945, 81-130, Springer",
     "10.1007/978-3-540-78911-6_3"),
    ("Bachelier 1900", "L. Bachelier", "Theorie de la speculation",
     "Annales scientifiques de l'Ecole Normale Superieure 17, 21-86", "10.24033/asens.476"),
    ("Black and Scholes 1973", "F. Black and M. Scholes",
     "The pricing of options and corporate liabilities",
     "Journal of Political Economy 81, 637-654", "10.1086/260062"),
    ("Chan, Karolyi, Longstaff and Sanders 1992",
     "K. C. Chan and G. A. Karolyi and F. A. Longstaff and A. B. Sanders",
     "An empirical comparison of alternative models of the short-term interest rate",
     "Journal of Finance 47, 1209-1227", "10.1111/j.1540-6261.1992.tb04011.x"),
    ("Cox, Ingersoll and Ross 1985", "J. C. Cox and J. E. Ingersoll and S. A. Ross",
     "A theory of the term structure of interest rates", "Econometrica 53, 385-407",
     "10.2307/1911242"),
    ("Duffing 1918", "G. Duffing",
     "Erzwungene Schwingungen bei veranderlicher Eigenfrequenz", "Vieweg"),
    ("Ewens 2004", "W. J. Ewens", "Mathematical population genetics", "2nd edition, Springer",
     "10.1007/978-0-387-21822-9"),
    ("FitzHugh 1961", "R. FitzHugh",
     "Impulses and physiological states in theoretical models of nerve membrane",
     "Biophysical Journal 1, 445-466", "10.1016/S0006-3495(61)86902-6"),
    ("Gillespie 2000", "D. T. Gillespie", "The chemical Langevin equation",
     "Journal of Chemical Physics 113, 297-306", "10.1063/1.481811"),
    ("Goel and Richter-Dyn 1974", "N. S. Goel and N. Richter-Dyn",
     "Stochastic models in biology", "Academic Press"),
    ("Hagan, Kumar, Lesniewski and Woodward 2002",
     "P. S. Hagan and D. Kumar and A. S. Lesniewski and D. E. Woodward",
     "Managing smile risk", "Wilmott Magazine, September, 84-108"),
    ("Heston 1993", "S. L. Heston",
     "A closed-form solution for options with stochastic volatility with applications to bond and "
     "currency options", "Review of Financial Studies 6, 327-343", "10.1093/rfs/6.2.327"),
    ("Howse et al. 2007",
     "J. R. Howse and R. A. L. Jones and A. J. Ryan and T. Gough and R. Vafabakhsh and "
     "R. Golestanian",
     "Self-motile colloidal particles: from directed propulsion to random walk",
     "Physical Review Letters 99, 048102", "10.1103/PhysRevLett.99.048102"),
    ("Kramers 1940", "H. A. Kramers",
     "Brownian motion in a field of force and the diffusion model of chemical reactions",
     "Physica 7, 284-304", "10.1016/S0031-8914(40)90098-2"),
    ("Kuramoto 1984", "Y. Kuramoto", "Chemical oscillations, waves, and turbulence", "Springer",
     "10.1007/978-3-642-69689-3"),
    ("Lorenz 1963", "E. N. Lorenz", "Deterministic nonperiodic flow",
     "Journal of the Atmospheric Sciences 20, 130-141",
     "10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2"),
    ("Lotka 1925", "A. J. Lotka", "Elements of physical biology", "Williams and Wilkins"),
    ("Nagumo et al. 1962", "J. Nagumo and S. Arimoto and S. Yoshizawa",
     "An active pulse transmission line simulating nerve axon",
     "Proceedings of the IRE 50, 2061-2070", "10.1109/JRPROC.1962.288235"),
    ("Sakaguchi 1988", "H. Sakaguchi",
     "Cooperative phenomena in coupled oscillator systems under external fields",
     "Progress of Theoretical Physics 79, 39-46", "10.1143/PTP.79.39"),
    ("Samuelson 1965", "P. A. Samuelson", "Rational theory of warrant pricing",
     "Industrial Management Review 6, 13-39"),
    ("Schwartz 1997", "E. S. Schwartz",
     "The stochastic behavior of commodity prices: implications for valuation and hedging",
     "Journal of Finance 52, 923-973", "10.1111/j.1540-6261.1997.tb02721.x"),
    ("Uhlenbeck and Ornstein 1930", "G. E. Uhlenbeck and L. S. Ornstein",
     "On the theory of the Brownian motion", "Physical Review 36, 823-841",
     "10.1103/PhysRev.36.823"),
    ("Vasicek 1977", "O. Vasicek", "An equilibrium characterization of the term structure",
     "Journal of Financial Economics 5, 177-188", "10.1016/0304-405X(77)90016-2"),
    ("Verhulst 1838", "P.-F. Verhulst",
     "Notice sur la loi que la population suit dans son accroissement",
     "Correspondance mathematique et physique 10, 113-121"),
    ("Volterra 1926", "V. Volterra",
     "Fluctuations in the abundance of a species considered mathematically", "Nature 118, 558-560",
     "10.1038/118558a0"),
    ("Wang and Uhlenbeck 1945", "M. C. Wang and G. E. Uhlenbeck",
     "On the theory of the Brownian motion II", "Reviews of Modern Physics 17, 323-342",
     "10.1103/RevModPhys.17.323"),
)  # fmt: skip


def works_named(text: str) -> tuple[Work, ...]:
    """The works that a text names by their short references, in the order of its table.

    Example:
        >>> [work.short for work in works_named("Ding et al. 2014, eq. (1); Hoover 1985")]
        ['Ding et al. 2014', 'Hoover 1985']
    """
    return tuple(work for short, work in LITERATURE.items() if short in text)
