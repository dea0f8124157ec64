"""Contract proof: one small, real algorithm for each family that the plugin contract speaks of.

A stranger's package in every respect: its own distribution, found through entry points, used by `use proof`.
"""
