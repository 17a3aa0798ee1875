"""Running the dbt project from the platform: its environment, its manifest, its process."""
