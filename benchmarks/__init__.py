"""Measurements of the SDK and its alternatives."""
