"""What the coordinators that share limits between processes have in common."""
