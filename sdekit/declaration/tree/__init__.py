"""What a formula is: the immutable expression tree, sizes, symbols and operators."""
