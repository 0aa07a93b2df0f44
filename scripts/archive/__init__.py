"""Tests lungfield-segment on an S3 server."""
