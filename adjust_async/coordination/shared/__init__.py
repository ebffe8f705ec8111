"""What the coordinators have in common that meet at a place outside of the process."""
