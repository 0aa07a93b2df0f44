"""Tests the server under overload and for long times."""
