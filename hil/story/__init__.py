"""What a recording tells: sessions, phases, requests and deliveries, errors, the end, and what broke the standard."""
