"""First-party kernels."""
