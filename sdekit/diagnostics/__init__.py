"""What draws are worth: effective sizes, discrepancies, standard figures."""
