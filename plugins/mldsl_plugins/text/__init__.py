"""First-party text."""
