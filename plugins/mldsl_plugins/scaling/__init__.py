"""First-party scaling."""
