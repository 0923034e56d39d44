"""Small parts of the pile's cabinet and of the plug: each lazily evaluated, each with its ways to fail as plain attributes."""
