"""Domain and intent of a query: labels, training, evaluation, scoring and the store of trained models."""
