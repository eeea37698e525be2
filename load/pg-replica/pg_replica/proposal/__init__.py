"""A proposed table policy: from the catalog, the write statistics and a bounded sample."""
