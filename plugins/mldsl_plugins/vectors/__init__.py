"""First-party vectors."""
