"""Tests of the pages: shell blocks are run, and names of targets, flags, files and links are checked."""
