"""What several subjects share: the repository's paths, the server under test, phantoms, claims and waiting."""
