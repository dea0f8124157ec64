"""First-party encoding."""
