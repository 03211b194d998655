"""Searching for dynamics that nobody wrote down: an ansatz, its members, and what they promise."""
