"""The raw Rasa tables that build themselves: every key of every event becomes a column, every list a table."""
