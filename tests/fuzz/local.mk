# Fuzz targets: one a parser, NAME_fuzz.c, linked with the library it feeds and clang's libFuzzer
# (configure with CC=clang --enable-fuzzing). Seeds are the files of NAME_fuzz.seeds/, tokens those of
# NAME_fuzz.dict. Each entry of fuzz_programs is also an EXTRA_PROGRAM with
# `tests_fuzz_NAME_fuzz_LDFLAGS = $(fuzz_ldflags)`.
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
FUZZ_SECONDS = 30
fuzz_programs =
EXTRA_DIST += %D%/run

fuzz_programs += %D%/jsonpath_fuzz
EXTRA_PROGRAMS += %D%/jsonpath_fuzz
tests_fuzz_jsonpath_fuzz_SOURCES = %D%/jsonpath_fuzz.c
tests_fuzz_jsonpath_fuzz_LDADD = $(ASL_LIBS)
tests_fuzz_jsonpath_fuzz_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
    %D%/jsonpath_fuzz.dict \
    %D%/jsonpath_fuzz.seeds/descend \
    %D%/jsonpath_fuzz.seeds/filter \
    %D%/jsonpath_fuzz.seeds/format \
    %D%/jsonpath_fuzz.seeds/nested \
    %D%/jsonpath_fuzz.seeds/reference \
    %D%/jsonpath_fuzz.seeds/regex \
    %D%/jsonpath_fuzz.seeds/union

fuzz-programs: $(fuzz_programs)
fuzz: fuzz-programs
	$(top_srcdir)/tests/fuzz/run $(FUZZ_SECONDS) $(fuzz_programs)
.PHONY: fuzz fuzz-programs

# definitions: JSON, YAML and the compiler
EXTRA_PROGRAMS += %D%/definition_fuzz
fuzz_programs += %D%/definition_fuzz
tests_fuzz_definition_fuzz_SOURCES = %D%/definition_fuzz.c
tests_fuzz_definition_fuzz_LDADD = $(ASL_LIBS)
tests_fuzz_definition_fuzz_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += %D%/definition_fuzz.dict \
    %D%/definition_fuzz.seeds/blocks-01 \
    %D%/definition_fuzz.seeds/blocks-05 \
    %D%/definition_fuzz.seeds/fields-01 \
    %D%/definition_fuzz.seeds/fields-05 \
    %D%/definition_fuzz.seeds/fields-09 \
    %D%/definition_fuzz.seeds/fields-13 \
    %D%/definition_fuzz.seeds/fields-17 \
    %D%/definition_fuzz.seeds/handlers-01 \
    %D%/definition_fuzz.seeds/structure-01 \
    %D%/definition_fuzz.seeds/structure-05 \
    %D%/definition_fuzz.seeds/structure-09 \
    %D%/definition_fuzz.seeds/structure-13 \
    %D%/definition_fuzz.seeds/structure-17 \
    %D%/definition_fuzz.seeds/text-01 \
    %D%/definition_fuzz.seeds/text-05 \
    %D%/definition_fuzz.seeds/text-09 \
    %D%/definition_fuzz.seeds/text-13 \
    %D%/definition_fuzz.seeds/text-17 \
    %D%/definition_fuzz.seeds/variables-01 \
    %D%/definition_fuzz.seeds/variables-05

# lines of handlers
EXTRA_PROGRAMS += %D%/answer_fuzz
fuzz_programs += %D%/answer_fuzz
tests_fuzz_answer_fuzz_SOURCES = %D%/answer_fuzz.c
tests_fuzz_answer_fuzz_LDADD = $(RUNTIME_LIBS)
tests_fuzz_answer_fuzz_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
    %D%/answer_fuzz.dict \
    %D%/answer_fuzz.seeds/cut \
    %D%/answer_fuzz.seeds/error \
    %D%/answer_fuzz.seeds/other \
    %D%/answer_fuzz.seeds/result

# JSONata: text to code
EXTRA_PROGRAMS += %D%/jsonata_parse_fuzz
fuzz_programs += %D%/jsonata_parse_fuzz
tests_fuzz_jsonata_parse_fuzz_SOURCES = %D%/jsonata_parse_fuzz.c
tests_fuzz_jsonata_parse_fuzz_LDADD = $(ASL_LIBS)
tests_fuzz_jsonata_parse_fuzz_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += %D%/jsonata_parse_fuzz.dict \
    %D%/jsonata_parse_fuzz.seeds/array \
    %D%/jsonata_parse_fuzz.seeds/date \
    %D%/jsonata_parse_fuzz.seeds/error \
    %D%/jsonata_parse_fuzz.seeds/eval \
    %D%/jsonata_parse_fuzz.seeds/group \
    %D%/jsonata_parse_fuzz.seeds/higher \
    %D%/jsonata_parse_fuzz.seeds/integer \
    %D%/jsonata_parse_fuzz.seeds/lambda \
    %D%/jsonata_parse_fuzz.seeds/match \
    %D%/jsonata_parse_fuzz.seeds/number \
    %D%/jsonata_parse_fuzz.seeds/parse \
    %D%/jsonata_parse_fuzz.seeds/partial \
    %D%/jsonata_parse_fuzz.seeds/path \
    %D%/jsonata_parse_fuzz.seeds/regex \
    %D%/jsonata_parse_fuzz.seeds/states \
    %D%/jsonata_parse_fuzz.seeds/text \
    %D%/jsonata_parse_fuzz.seeds/transform \
    %D%/jsonata_parse_fuzz.seeds/tuple

# JSONata: evaluation within limits
EXTRA_PROGRAMS += %D%/jsonata_eval_fuzz
fuzz_programs += %D%/jsonata_eval_fuzz
tests_fuzz_jsonata_eval_fuzz_SOURCES = %D%/jsonata_eval_fuzz.c
tests_fuzz_jsonata_eval_fuzz_LDADD = $(ASL_LIBS)
tests_fuzz_jsonata_eval_fuzz_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += %D%/jsonata_eval_fuzz.dict \
    %D%/jsonata_eval_fuzz.seeds/array \
    %D%/jsonata_eval_fuzz.seeds/date \
    %D%/jsonata_eval_fuzz.seeds/error \
    %D%/jsonata_eval_fuzz.seeds/eval \
    %D%/jsonata_eval_fuzz.seeds/group \
    %D%/jsonata_eval_fuzz.seeds/higher \
    %D%/jsonata_eval_fuzz.seeds/integer \
    %D%/jsonata_eval_fuzz.seeds/lambda \
    %D%/jsonata_eval_fuzz.seeds/match \
    %D%/jsonata_eval_fuzz.seeds/number \
    %D%/jsonata_eval_fuzz.seeds/parse \
    %D%/jsonata_eval_fuzz.seeds/partial \
    %D%/jsonata_eval_fuzz.seeds/path \
    %D%/jsonata_eval_fuzz.seeds/regex \
    %D%/jsonata_eval_fuzz.seeds/states \
    %D%/jsonata_eval_fuzz.seeds/text \
    %D%/jsonata_eval_fuzz.seeds/transform \
    %D%/jsonata_eval_fuzz.seeds/tuple

# requests to the server, on an engine with a store: linked with the server of the program
EXTRA_PROGRAMS += %D%/request_fuzz
fuzz_programs += %D%/request_fuzz
tests_fuzz_request_fuzz_SOURCES = %D%/request_fuzz.c
tests_fuzz_request_fuzz_LDADD = %D%/program.a $(RUNTIME_LIBS)
tests_fuzz_request_fuzz_DEPENDENCIES = %D%/program.a libruntime.a libasl.a
tests_fuzz_request_fuzz_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
    %D%/request_fuzz.dict \
    %D%/request_fuzz.options \
    %D%/request_fuzz.seeds/chunked_start \
    %D%/request_fuzz.seeds/guarded \
    %D%/request_fuzz.seeds/guarded_pages \
    %D%/request_fuzz.seeds/open_activity \
    %D%/request_fuzz.seeds/open_alias \
    %D%/request_fuzz.seeds/open_machine \
    %D%/request_fuzz.seeds/open_map_run \
    %D%/request_fuzz.seeds/open_test_state \
    %D%/request_fuzz.seeds/open_worker \
    %D%/request_fuzz.seeds/reader \
    %D%/request_fuzz.seeds/signed_alias \
    %D%/request_fuzz.seeds/signed_machine \
    %D%/request_fuzz.seeds/stream \
    %D%/request_fuzz.seeds/stream_chunked \
    %D%/request_fuzz.seeds/stream_expect \
    %D%/request_fuzz.seeds/tampered

# The program without its main(), of which the linker takes what the server needs.
%D%/program.a: $(program_objects)
	@$(MKDIR_P) $(@D)
	$(AM_V_AR)rm -f $@ && $(AR) cr $@ $(filter-out program/main.o,$(program_objects))
CLEANFILES += %D%/program.a
