/*
 * cut_proxy.h - a proxy in front of a server's Unix socket that breaks connections where it is told to.
 *
 * Armed, it lets so many bytes pass in one direction, over all its connections, and then breaks the one
 * that would pass the next: the client is cut off at once. The server's end is closed too, or left as it is,
 * as a network that has gone away would.
 */
#ifndef TESTS_UNIT_CUT_PROXY_H
#define TESTS_UNIT_CUT_PROXY_H

#include <stdbool.h>
#include <stddef.h>

struct cut_proxy;

enum cut_direction { CUT_REQUEST, CUT_ANSWER };

/* Listens on `path` for `server`. */
struct cut_proxy *cut_proxy_start(const char *path, const char *server);
void cut_proxy_stop(struct cut_proxy *proxy);
void cut_proxy_arm(struct cut_proxy *proxy, enum cut_direction direction, size_t bytes, bool keep_server);
/* Hands nothing on and accepts nobody, as if the server had stopped; until it is told otherwise. */
void cut_proxy_hold(struct cut_proxy *proxy, bool hold);
/* Whether it has cut since it was armed; it is disarmed by that, and by this. */
bool cut_proxy_struck(struct cut_proxy *proxy);

#endif
