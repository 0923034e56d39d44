"""What people read: tables on the terminal, pictures, summaries."""
