"""Losses: what a model lowers, with what it takes to lower them."""
