"""Expectations to a tolerance."""
