"""Provides what the tests in a browser need."""
