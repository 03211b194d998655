"""The ring behind the field: polynomials in generators, the tower, its kernels."""
