"""Models made of other models: bagged, boosted, voting, stacked."""
