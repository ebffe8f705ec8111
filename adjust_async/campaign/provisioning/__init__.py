"""Provisioning: create the trackers of a plan, each only once."""
