# Benchmarks: built and run by `./bootstrap bench` alone, never part of the tests.
bench_programs =
bench-programs: all $(bench_programs)
.PHONY: bench-programs
