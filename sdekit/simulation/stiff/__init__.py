"""Steps whose drift may be stiff or grow faster than linearly."""
