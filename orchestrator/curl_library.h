/*
 * curl_library.h - libcurl, loaded when the first endpoint is opened (see runtime/library.h): `serve` never does.
 */
#ifndef ORCHESTRATOR_CURL_LIBRARY_H
#define ORCHESTRATOR_CURL_LIBRARY_H

#include <curl/curl.h>

struct err;

struct curl_library {
#define FUNCTION(name) __typeof__(&curl_##name) name;
#include "orchestrator/curl_library.def"
#undef FUNCTION
};

extern struct curl_library curl;

/* To be called before anything of it is used. ERR_UNSUPPORTED: it is not installed. */
int curl_library_load(struct err *err);

#endif
