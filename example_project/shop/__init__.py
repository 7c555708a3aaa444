"""The print shop: jobs wait, are printed, are done."""
