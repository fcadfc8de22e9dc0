/* cut_proxy.c - see cut_proxy.h. One thread, one poll(). */
#include "config.h"

#include "tests/unit/cut_proxy.h"

#include "asl/base/mem.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PAIRS_MAX = 256, POLL_MS = 20 };

struct pair {
    int ends[2]; /* of the direction's sender: client, server; -1 closed */
};

struct cut_proxy {
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    bool stop;
    bool hold;
    bool armed;
    bool struck;
    bool keep_server;
    enum cut_direction direction;
    size_t bytes_left;
    /* the thread's own */
    char path[108];
    char server[108];
    int listener;
    struct pair pairs[PAIRS_MAX];
    int count;
};

static int socket_at(const char *path, bool listens)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (listens ? bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16)
                : connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        perror(path);
        abort();
    }
    return fd;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* How many of these bytes may pass; *ret_cut: and no more. */
static size_t allow(struct cut_proxy *proxy, int direction, size_t bytes, bool *ret_cut)
{
    *ret_cut = false;
    pthread_mutex_lock(&proxy->lock);
    if (proxy->armed && (int)proxy->direction == direction) {
        if (bytes > proxy->bytes_left) {
            bytes = proxy->bytes_left;
            *ret_cut = proxy->struck = true;
            proxy->armed = false;
        } else {
            proxy->bytes_left -= bytes;
        }
    }
    pthread_mutex_unlock(&proxy->lock);
    return bytes;
}

/* Hands on what there is to read in one direction of a pair. */
static void forward(struct cut_proxy *proxy, struct pair *pair, int direction)
{
    char data[65536];
    bool cut = false;
    ssize_t got = recv(pair->ends[direction], data, sizeof(data), 0);
    size_t bytes = got > 0 ? allow(proxy, direction, (size_t)got, &cut) : 0;

    for (size_t at = 0; at < bytes;) {
        ssize_t sent = send(pair->ends[!direction], data + at, bytes - at, MSG_NOSIGNAL);

        if (sent <= 0)
            break;
        at += (size_t)sent;
    }
    if (got <= 0 || cut)
        close_end(&pair->ends[0]);
    if (got <= 0 || (cut && !proxy->keep_server))
        close_end(&pair->ends[1]);
}

static void accept_client(struct cut_proxy *proxy)
{
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);

    if (client < 0 || proxy->count == PAIRS_MAX)
        abort();
    proxy->pairs[proxy->count++] = (struct pair){{client, socket_at(proxy->server, false)}};
}

static void *run(void *context)
{
    struct cut_proxy *proxy = context;
    struct pollfd fds[1 + 2 * PAIRS_MAX];

    for (bool stop = false, hold = false; !stop;) {
        int count = proxy->count;

        fds[0] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
        for (int i = 0; i < 2 * count; i++) {
            struct pair *pair = &proxy->pairs[i / 2];
            /* What a server that was left alone still says goes nowhere. */
            bool whole = pair->ends[0] >= 0 && pair->ends[1] >= 0;

            fds[1 + i] = (struct pollfd){.fd = whole ? pair->ends[i % 2] : -1, .events = POLLIN};
        }
        if (hold) {
            usleep(POLL_MS * 1000);
        } else if (poll(fds, (nfds_t)(1 + 2 * count), POLL_MS) > 0) {
            for (int i = 0; i < 2 * count; i++) {
                if (fds[1 + i].revents && proxy->pairs[i / 2].ends[i % 2] >= 0)
                    forward(proxy, &proxy->pairs[i / 2], i % 2);
            }
            if (fds[0].revents)
                accept_client(proxy);
        }
        pthread_mutex_lock(&proxy->lock);
        stop = proxy->stop;
        hold = proxy->hold;
        pthread_mutex_unlock(&proxy->lock);
    }
    return NULL;
}

struct cut_proxy *cut_proxy_start(const char *path, const char *server)
{
    struct cut_proxy *proxy = NEW(struct cut_proxy);

    snprintf(proxy->path, sizeof(proxy->path), "%s", path);
    snprintf(proxy->server, sizeof(proxy->server), "%s", server);
    pthread_mutex_init(&proxy->lock, NULL);
    proxy->listener = socket_at(path, true);
    if (pthread_create(&proxy->thread, NULL, run, proxy))
        abort();
    return proxy;
}

void cut_proxy_stop(struct cut_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->stop = true;
    pthread_mutex_unlock(&proxy->lock);
    pthread_join(proxy->thread, NULL);
    for (int i = 0; i < proxy->count; i++) {
        close_end(&proxy->pairs[i].ends[0]);
        close_end(&proxy->pairs[i].ends[1]);
    }
    close(proxy->listener);
    unlink(proxy->path);
    pthread_mutex_destroy(&proxy->lock);
    free(proxy);
}

void cut_proxy_arm(struct cut_proxy *proxy, enum cut_direction direction, size_t bytes, bool keep_server)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->armed = true;
    proxy->struck = false;
    proxy->direction = direction;
    proxy->bytes_left = bytes;
    proxy->keep_server = keep_server;
    pthread_mutex_unlock(&proxy->lock);
}

void cut_proxy_hold(struct cut_proxy *proxy, bool hold)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->hold = hold;
    pthread_mutex_unlock(&proxy->lock);
    usleep(2 * POLL_MS * 1000);
}

bool cut_proxy_struck(struct cut_proxy *proxy)
{
    bool struck;

    pthread_mutex_lock(&proxy->lock);
    struck = proxy->struck;
    proxy->armed = false;
    pthread_mutex_unlock(&proxy->lock);
    return struck;
}
