"""First-party choice of columns."""
