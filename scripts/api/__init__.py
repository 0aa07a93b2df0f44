"""Tests the running server against openapi.yaml."""
