"""What a scheme does to means: leading bias, closed forms, harmonic laws."""
