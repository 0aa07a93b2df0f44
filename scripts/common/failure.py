"""The exception by which a test reports what is wrong."""

from __future__ import annotations


class Failure(Exception):
    """What is wrong, in a sentence."""
