"""Rows on their way to accounting: their columns, mapping profiles, jobs and stored files."""
