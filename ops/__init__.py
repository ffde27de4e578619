"""What an operator runs: checks and costs of a deployed stack."""
