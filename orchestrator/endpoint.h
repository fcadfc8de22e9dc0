/*
 * endpoint.h - the address of a server: http://HOST:PORT or https://HOST:PORT.
 *
 * SDKs and the AWS CLI put `sync-` before the host for StartSyncExecution and TestState, also before that of an
 * endpoint of one's own. A name can be made to carry that; an address (127.0.0.1) cannot.
 */
#ifndef ORCHESTRATOR_ENDPOINT_H
#define ORCHESTRATOR_ENDPOINT_H

#include <stdbool.h>

/* Nothing but a host, a port and a slash may follow the scheme. */
bool endpoint_is_good(const char *url);
bool endpoint_is_secure(const char *url);
bool endpoint_is_loopback(const char *url);
/* The host without port and brackets, on the heap. */
char *endpoint_host(const char *url);
/* The same server under its name with the prefix: http://sync-HOST:PORT. On the heap. */
char *endpoint_with_prefix(const char *url);
/* Whether the name service (or /etc/hosts) knows the host. */
bool endpoint_resolves(const char *url);

#endif
