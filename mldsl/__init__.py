"""A small declarative language for machine learning."""
