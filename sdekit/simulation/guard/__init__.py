"""Are compiled energies and gradients what their operations give?"""
