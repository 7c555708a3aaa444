"""Files that hold tokens: reading, scanning, rewriting and verifying them."""
