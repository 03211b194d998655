"""The four sources, experiment by experiment, through the public interface alone."""
