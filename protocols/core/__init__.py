"""What every protocol here is built from: frames, declared messages, sessions, timers, transition tables."""
