"""First-party baseline."""
