"""Diagnostics: coded messages with a place and a remedy, as data; and the ways to print them."""

from mldsl.diagnostics.diagnostic import Diagnostic, Fix, InternalError, Label, MldslError, Severity

__all__ = ["Diagnostic", "Fix", "InternalError", "Label", "MldslError", "Severity"]
