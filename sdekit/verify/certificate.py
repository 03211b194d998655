"""stub"""

from sdekit.verify.verdict import undecided


def certified_marginal(problem, reason):
    return undecided(reason)
