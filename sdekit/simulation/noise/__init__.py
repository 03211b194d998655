"""Random numbers as a pure function of key, stream, chain, step and element."""
