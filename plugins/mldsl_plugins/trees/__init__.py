"""Models of trees: one tree, forests, boosting, and what they are grown and asked with."""
