"""Exact points and instances of a declaration, and what holds at them."""
