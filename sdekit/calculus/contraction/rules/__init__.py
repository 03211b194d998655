"""Rules of the normal form: heads of functions, powers, matrices, relations, definedness."""
