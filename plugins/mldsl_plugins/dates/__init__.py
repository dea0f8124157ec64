"""First-party dates."""
