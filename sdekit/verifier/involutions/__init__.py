"""Affine involutions of the state and what they do to energy, current and noise."""
