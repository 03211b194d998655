"""Steps that stay in a domain at whose end the noise vanishes."""
