"""Tests several servers behind nginx."""
