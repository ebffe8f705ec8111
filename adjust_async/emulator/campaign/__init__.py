"""The Campaign API, v1 and v2."""
