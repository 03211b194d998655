"""Updates of the user inside a run: what they may change, and how the loop makes them."""
