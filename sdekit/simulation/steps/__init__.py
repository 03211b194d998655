"""One step of a scheme from its stages."""
