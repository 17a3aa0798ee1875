"""Assets and the steps of runs: thin, they read, call, write and report. Dagster is known here and beside."""
