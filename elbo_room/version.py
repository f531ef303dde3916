"""The suite's version: here alone, and from here in the package and in every result."""

__version__ = "0.2.0.dev0"
