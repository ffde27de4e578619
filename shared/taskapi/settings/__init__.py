"""What the environment and the secret configure: read here alone, on first use."""
