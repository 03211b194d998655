"""From a target to a metric in which it is nearly isotropic."""
