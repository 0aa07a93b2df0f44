"""Fetches libtorch and checks which libraries programs need."""
