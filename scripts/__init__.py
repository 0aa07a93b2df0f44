"""Tests from outside, builds and releases of Lungfield: a package for each subject.

Run a script as a module from the repository's root, as in `python -m scripts.api.check`. The Makefile does so for all
of them. The packages that a subject needs are in `requirements.txt` beside its scripts; `scripts/venv.sh` installs
them.
"""
