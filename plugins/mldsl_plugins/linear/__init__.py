"""First-party linear."""
