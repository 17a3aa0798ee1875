"""From lines to typed Parquet, refused lines and manifests; nothing here knows the warehouse."""
