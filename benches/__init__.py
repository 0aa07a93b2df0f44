"""Benchmarks. Run a script as a module from the root, as in `python -m benches.serving.compare`."""
