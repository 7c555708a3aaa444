"""Prove that metrics flow from the application to the database, hop by hop."""
