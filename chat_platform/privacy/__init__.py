"""Pseudonyms and masking: what may leave the restricted areas, and in which form."""
