"""Real posteriors with reference draws: as models, sampled by default, and from minibatches."""
