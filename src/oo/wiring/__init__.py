"""All wiring: one file and one function a process, so that an image needs just what its own process imports."""
