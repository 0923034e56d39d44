"""The same benches on real wires and the wall clock: pacing, supervision, safety, roles."""
