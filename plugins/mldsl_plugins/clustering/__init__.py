"""First-party clustering."""
