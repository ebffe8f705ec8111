"""Trackers from a plan, each exactly once."""
