"""Certificates of stationarity verdicts that other programs check: JSON and Coq.

`export` writes them, `checker` is a program of its own that believes nothing but the model, `coq`
writes the identity for a proof assistant. Not for reaching a verdict (`sdekit.verifier`).
"""
