"""Steps inside a program of the user's own: what goes in and comes out, and many at a time."""
