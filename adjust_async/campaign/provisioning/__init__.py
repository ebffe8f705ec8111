"""Provisioning: creating the trackers of a plan, each exactly once."""
