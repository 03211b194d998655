"""Where gradients come from: potentials, minibatches, their noise."""
