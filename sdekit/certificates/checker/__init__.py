"""The stand-alone checker: three files of the standard library, and a fourth one for kernels."""
