"""First-party missing."""
