# Fuzz targets: one a parser, NAME_fuzz.c, linked with the library it feeds and clang's libFuzzer
# (configure with CC=clang --enable-fuzzing). Seeds are the files of NAME_fuzz.seeds/, tokens those of
# NAME_fuzz.dict. Each entry of fuzz_programs is also an EXTRA_PROGRAM with
# `tests_fuzz_NAME_fuzz_LDFLAGS = $(fuzz_ldflags)`.
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
FUZZ_SECONDS = 30
fuzz_programs =
EXTRA_DIST += %D%/run

fuzz-programs: $(fuzz_programs)
fuzz: fuzz-programs
	$(top_srcdir)/tests/fuzz/run $(FUZZ_SECONDS) $(fuzz_programs)
.PHONY: fuzz fuzz-programs
