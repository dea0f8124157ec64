"""First-party neighbors."""
