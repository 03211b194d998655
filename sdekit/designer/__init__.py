"""Solving for a design: the complete recipe, what is unknown in one, and repairs of refuted ones.

`recipe` finds Q, `ansatz` solves for unknowns, `repair` changes one place. All three match
independent terms (`matching`) and solve by cases (`solving`). Not for verdicts
(`sdekit.verifier`), by which every solution is checked again.
"""
