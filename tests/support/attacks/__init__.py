"""Attacks on the token check, and the valid tokens that they alter."""
