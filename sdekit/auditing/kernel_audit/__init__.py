"""Audits of Markov kernels: one step against the law that it is to keep."""
