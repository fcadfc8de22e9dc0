/*
 * listen.h - where a server of ours listens, as options say it, and where it is found.
 */
#ifndef ORCHESTRATOR_LISTEN_H
#define ORCHESTRATOR_LISTEN_H

struct err;
struct options;

/* "HOST:PORT", "[::1]:PORT", ":PORT", "HOST": the host on the heap. ERR_INVALID says what was expected. */
int listen_read(const char *text, char **ret_host, int *ret_port, struct err *err);
/* --endpoint, else where --listen and --tls-cert put the server of this machine: "http://127.0.0.1:8083". On
 * the heap. */
int listen_endpoint(const struct options *options, char **ret_url, struct err *err);

#endif
