"""From a triple to the parts of a splitting, their flows and letters, and words over them."""
