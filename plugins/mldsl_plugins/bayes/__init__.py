"""First-party bayes."""
