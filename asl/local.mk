# libasl: the language. Knows json-c, pcre2, libyaml and libcrypto's digests; does no I/O.
noinst_LIBRARIES += libasl.a
libasl_a_SOURCES = \
    %D%/env.c \
    %D%/env.h \
    %D%/failure.c \
    %D%/failure.h
ASL_LIBS = libasl.a $(JSONC_LIBS) $(PCRE2_LIBS) $(YAML_LIBS) $(CRYPTO_LIBS)

include asl/base/local.mk
include asl/jsonpath/local.mk
include asl/jsonata/local.mk
include asl/definition/local.mk
include asl/dataflow/local.mk
