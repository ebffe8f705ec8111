"""What goes wrong, when, and how it looks on the wire."""
