"""Builds a release and checks it: versions, licences, SBOM, archive."""
