"""The algorithms, transforms, metrics, reports, sources and functions that come with mldsl: one file each."""
