"""First-party stops."""
