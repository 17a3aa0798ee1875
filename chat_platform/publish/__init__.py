"""From the lake to the typed tables of the warehouse, with the scope that dbt reads."""
