"""Files that hold tokens: read, scan, change and verify them."""
