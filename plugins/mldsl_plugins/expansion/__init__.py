"""First-party transforms that make several columns of one."""
