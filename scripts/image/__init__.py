"""Builds, runs and tests the container images."""
