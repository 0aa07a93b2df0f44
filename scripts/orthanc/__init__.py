"""Tests the Orthanc hook, alone and with a real Orthanc."""
