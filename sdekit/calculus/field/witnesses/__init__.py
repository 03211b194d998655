"""Exact points and balls: where something that should vanish does not."""
