"""Values after the last observed row."""
