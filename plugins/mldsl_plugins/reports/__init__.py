"""First-party reports."""
