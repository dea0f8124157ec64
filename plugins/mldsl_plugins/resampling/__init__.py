"""Steps that even out how often the classes count, on training rows alone."""
