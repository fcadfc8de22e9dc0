#include "config.h"

#include "orchestrator/endpoint.h"

#include "asl/base/mem.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* Behind the scheme; NULL where there is none. */
static const char *after_scheme(const char *url)
{
    const char *mark = strstr(url, "://");
    return mark ? mark + 3 : NULL;
}

bool endpoint_is_secure(const char *url)
{
    return !strncasecmp(url, "https://", 8);
}

bool endpoint_is_good(const char *url)
{
    const char *host = after_scheme(url);
    size_t bytes = host ? strcspn(host, "/?#") : 0;

    return bytes && (endpoint_is_secure(url) || !strncasecmp(url, "http://", 7)) && !strpbrk(host, "@ ") &&
           (!host[bytes] || !strcmp(host + bytes, "/"));
}

bool endpoint_is_loopback(const char *url)
{
    char *host = endpoint_host(url);
    bool loopback = !strncmp(host, "127.", 4) || !strcmp(host, "::1") || !strcasecmp(host, "localhost");

    free(host);
    return loopback;
}

char *endpoint_host(const char *url)
{
    const char *host = after_scheme(url);

    if (*host == '[')
        return mem_strndup(host + 1, strcspn(host + 1, "]"));
    return mem_strndup(host, strcspn(host, ":/"));
}

char *endpoint_with_prefix(const char *url)
{
    const char *host = after_scheme(url);
    return mem_printf("%.*ssync-%s", (int)(host - url), url, host);
}

bool endpoint_resolves(const char *url)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char *host = endpoint_host(url);
    bool resolves = !getaddrinfo(host, NULL, &hints, &list);

    if (resolves)
        freeaddrinfo(list);
    free(host);
    return resolves;
}
