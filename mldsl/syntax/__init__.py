"""The text of the language: grammar, tree, printer. Import the submodules: `parse` alone imports the parser library."""
