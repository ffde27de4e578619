"""What the functions share: tokens, the database, the contract's HTTP."""
