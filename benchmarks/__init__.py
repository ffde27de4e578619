"""Measure what the documentation says about speed."""
