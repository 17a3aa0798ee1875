"""What each source promises: the structure that DuckDB reads, the rules, and the words for people."""
