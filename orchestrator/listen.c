#include "config.h"

#include "orchestrator/listen.h"

#include "orchestrator/options.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_DEFAULT = 8083 };

int listen_read(const char *text, char **ret_host, int *ret_port, struct err *err)
{
    const char *end = text + strlen(text);
    const char *host = text;
    const char *colon = strrchr(text, ':');

    *ret_port = PORT_DEFAULT;
    if (*text == '[') {
        const char *bracket = strchr(text, ']');
        if (!bracket)
            return err_set(err, ERR_INVALID, "--listen: expected [ADDRESS]:PORT, found \"%s\"", text);
        host = text + 1;
        end = bracket;
        colon = bracket[1] == ':' ? bracket + 1 : NULL;
    } else if (colon) {
        end = colon;
    }
    if (colon) {
        char *rest;
        long port = strtol(colon + 1, &rest, 10);
        if (rest == colon + 1 || *rest || port < 0 || port > 65535)
            return err_set(err, ERR_INVALID, "--listen: expected HOST:PORT, found \"%s\"", text);
        *ret_port = (int)port;
    }
    *ret_host = end > host ? mem_strndup(host, (size_t)(end - host)) : mem_strdup("127.0.0.1");
    return 0;
}

/* One that listens everywhere is found on loopback. */
static const char *reachable(const char *host)
{
    if (!strcmp(host, "0.0.0.0"))
        return "127.0.0.1";
    return !strcmp(host, "::") ? "::1" : host;
}

int listen_endpoint(const struct options *options, char **ret_url, struct err *err)
{
    const char *endpoint = options_text(options, OPT_ENDPOINT);
    char *host = NULL;
    int port, result;

    if (endpoint) {
        *ret_url = mem_strdup(endpoint);
        return 0;
    }
    if ((result = listen_read(options_text_or(options, OPT_LISTEN, "127.0.0.1"), &host, &port, err)))
        return result;
    const char *name = reachable(host);
    *ret_url = mem_printf(strchr(name, ':') ? "%s://[%s]:%d" : "%s://%s:%d",
                          options_has(options, OPT_TLS_CERT) ? "https" : "http", name, port);
    free(host);
    return 0;
}
