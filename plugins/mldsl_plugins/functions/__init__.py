"""First-party functions."""
