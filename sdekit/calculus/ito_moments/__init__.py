"""Exact equations for the moments of a dynamics, where they close."""
