"""The rule that sends tool use to its tables."""
