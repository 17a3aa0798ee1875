"""Seeded sample data: made-up feeds in the formats of the sources, with a truth to compare results with."""
