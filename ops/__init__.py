"""What an operator runs: checks of a deployed stack, and what a stack costs."""
