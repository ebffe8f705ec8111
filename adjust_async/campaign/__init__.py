"""The Campaign API: trackers and partners."""
