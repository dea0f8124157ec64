"""First-party columns."""
