"""Measurements of the SDK beside what would be used in its place."""
