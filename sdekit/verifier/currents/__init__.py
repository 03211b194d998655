"""How probability can leave: jumps, poles, cuts, explosion."""
