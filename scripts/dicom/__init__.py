"""Tests DICOM input and output with highdicom, pydicom, DCMTK and dicom3tools."""
