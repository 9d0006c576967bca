"""What others publish and this project judges by, as dated data: replace a file, and nothing else changes."""
