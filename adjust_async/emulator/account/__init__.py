"""The emulated account: its apps, trackers and partners, in SQLite."""
