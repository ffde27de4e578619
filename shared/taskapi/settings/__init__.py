"""Settings from the environment and the secret; only this package reads them."""
