"""Integrals of exp(-H) over blocks: closed forms, finiteness, rigorous bounds."""
