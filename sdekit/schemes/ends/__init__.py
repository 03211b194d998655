"""Where noise vanishes at an end of a domain, and how it does."""
