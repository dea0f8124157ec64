"""The grammar of the .mlp language, as package data; one file, read by the parser and by every highlighter."""
