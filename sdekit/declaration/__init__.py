"""Declaring: what a formula is, its functions, its text, the model."""
