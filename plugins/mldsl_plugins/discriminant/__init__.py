"""First-party discriminant."""
