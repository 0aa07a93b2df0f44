"""Checks the manifests for Kubernetes and the Compose file."""
