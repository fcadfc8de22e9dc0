/*
 * client_http.c - operations over HTTP: awsJson1.0 as the AWS SDKs speak it, through libcurl, which does TLS and
 * signs the requests (AWS Signature Version 4) where there are credentials.
 */
#include "config.h"

#include "orchestrator/client.h"

#include "orchestrator/curl_library.h"
#include "orchestrator/endpoint.h"
#include "orchestrator/node.h"
#include "orchestrator/options.h"
#include "orchestrator/own.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECT_MS = 10000,
    ANSWER_MS = 330000, /* a synchronous execution takes up to five minutes */
    ANSWER_BYTES_MAX = 256 << 20,
    HTTP_OK = 200
};

struct client_http {
    CURL *handle;
    char *url;
    struct curl_slist *headers; /* those of every request */
    char failure[CURL_ERROR_SIZE];
    int64_t date_s; /* the server's clock in the last answer */
};

/* --- interruption ---------------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static void catch_signals(void)
{
    const struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: sleeping ends too */

    interrupted = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Called by libcurl every second, and as data come in; other than 0 ends the transfer. */
static int on_progress(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    (void)context;
    (void)down_all;
    (void)down;
    (void)up_all;
    (void)up;
    return interrupted;
}

bool client_http_wait(struct client_http *http, int ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    (void)http;
    return !interrupted && !nanosleep(&time, NULL);
}

/* --- settings ------------------------------------------------------------------------------------------ */

static int set_credentials(struct client_http *http, const struct options *options, struct err *err)
{
    const char *id = options_text(options, OPT_ACCESS_KEY_ID);
    const char *secret = options_text(options, OPT_SECRET_ACCESS_KEY);
    const char *token = options_text(options, OPT_SESSION_TOKEN);

    if (!id != !secret)
        return err_set(err, ERR_INVALID, "%s is given without %s: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY both",
                       id ? "an access key id" : "a secret access key", id ? "its secret" : "its id");
    if (!id)
        return 0;
    char *scope = mem_printf("aws:amz:%s:states", node_region(options));
    curl.easy_setopt(http->handle, CURLOPT_AWS_SIGV4, scope);
    curl.easy_setopt(http->handle, CURLOPT_USERNAME, id);
    curl.easy_setopt(http->handle, CURLOPT_PASSWORD, secret);
    free(scope);
    if (token) {
        char *header = mem_printf("X-Amz-Security-Token: %s", token);
        http->headers = curl.slist_append(http->headers, header);
        free(header);
    }
    return 0;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct buf *body = context;
    size_t bytes = size * count;

    if (body->bytes + bytes > ANSWER_BYTES_MAX)
        return 0;
    buf_add(body, data, bytes);
    return bytes;
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    static const char name[] = "date:";
    struct client_http *http = context;
    size_t bytes = size * count;

    if (bytes > sizeof(name) && !strncasecmp(data, name, sizeof(name) - 1)) {
        char *date = mem_strndup(data + sizeof(name) - 1, bytes - sizeof(name) + 1);
        time_t seconds = curl.getdate(date, NULL);
        http->date_s = seconds > 0 ? seconds : 0;
        free(date);
    }
    return bytes;
}

int64_t client_http_date_s(const struct client_http *http)
{
    return http->date_s;
}

static void set_up(struct client_http *http, const struct options *options)
{
    const char *ca_file = options_text(options, OPT_CA_FILE);

    curl.easy_setopt(http->handle, CURLOPT_URL, http->url);
    curl.easy_setopt(http->handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl.easy_setopt(http->handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl.easy_setopt(http->handle, CURLOPT_USERAGENT, "orchestrator/" PACKAGE_VERSION);
    curl.easy_setopt(http->handle, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl.easy_setopt(http->handle, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
    curl.easy_setopt(http->handle, CURLOPT_NOSIGNAL, 1L);
    curl.easy_setopt(http->handle, CURLOPT_ERRORBUFFER, http->failure);
    curl.easy_setopt(http->handle, CURLOPT_WRITEFUNCTION, take_body);
    curl.easy_setopt(http->handle, CURLOPT_HEADERFUNCTION, take_header);
    curl.easy_setopt(http->handle, CURLOPT_HEADERDATA, http);
    curl.easy_setopt(http->handle, CURLOPT_NOPROGRESS, 0L);
    curl.easy_setopt(http->handle, CURLOPT_XFERINFOFUNCTION, on_progress);
    if (endpoint_is_loopback(http->url)) /* a proxy is for what lies outside of this machine */
        curl.easy_setopt(http->handle, CURLOPT_NOPROXY, "*");
    if (ca_file)
        curl.easy_setopt(http->handle, CURLOPT_CAINFO, ca_file);
    http->headers = curl.slist_append(http->headers, "Content-Type: application/x-amz-json-1.0");
}

int client_http_open(const struct options *options, const char *url, struct client_http **ret_http, struct err *err)
{
    struct client_http *http;
    int result;

    if (!endpoint_is_good(url))
        return err_set(err, ERR_INVALID, "--endpoint: expected http://HOST:PORT or https://HOST:PORT, found \"%s\"",
                       url);
    if ((result = curl_library_load(err)))
        return result;
    http = NEW(struct client_http);
    http->url = mem_strdup(url);
    http->handle = curl.easy_init();
    if (!http->handle)
        result = err_set(err, ERR_IO, "libcurl could not be used");
    if (!result) {
        set_up(http, options);
        result = set_credentials(http, options, err);
    }
    if (result) {
        client_http_close(http);
        return result;
    }
    catch_signals();
    *ret_http = http;
    return 0;
}

void client_http_close(struct client_http *http)
{
    if (!http)
        return;
    curl.slist_free_all(http->headers);
    curl.easy_cleanup(http->handle);
    free(http->url);
    free(http);
}

/* --- a call --------------------------------------------------------------------------------------------- */

/* No answer came: what is known of the reason, and what may be done. */
static int fail(const struct client_http *http, CURLcode code, struct err *err)
{
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return err_set(err, ERR_BUSY, "interrupted");
    err_set(err, ERR_IO, "could not reach the server at %s: %s", http->url,
            *http->failure ? http->failure : curl.easy_strerror(code));
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        err_hint(err, "name the file with its certificate, or its issuer's, with --ca-file; the certificate must hold "
                      "the host name");
        break;
    case CURLE_SSL_CONNECT_ERROR:
        err_hint(err, "where the server speaks plain HTTP the endpoint begins with http://");
        break;
    case CURLE_GOT_NOTHING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        if (!endpoint_is_secure(http->url))
            err_hint(err, "where the server speaks TLS the endpoint begins with https://");
        break;
    case CURLE_WRITE_ERROR:
        err_hint(err, "its answer is larger than %d MiB", ANSWER_BYTES_MAX >> 20);
        break;
    default:
        break;
    }
    return ERR_IO;
}

/* {"__type": "prefix#Name", "message" or "Message": "..."} */
static int take_error(const struct client_http *http, struct json_object *answer, long status,
                      struct client_error *error)
{
    const char *type = json_member_text(answer, "__type");
    const char *message = json_member_text(answer, "message");
    const char *hash = type ? strrchr(type, '#') : NULL;

    if (!message)
        message = json_member_text(answer, "Message");
    if (type)
        return client_error_set(error, hash ? hash + 1 : type, message);
    return err_set(&error->err, ERR_IO, "the server at %s answered with status %ld", http->url, status);
}

static int take_answer(const struct client_http *http, const struct buf *body, struct json_object **ret_output,
                       struct client_error *error)
{
    AUTO_JSON struct json_object *answer = NULL;
    long status = 0;

    curl.easy_getinfo(http->handle, CURLINFO_RESPONSE_CODE, &status);
    if (json_parse(buf_text(body), body->bytes, &answer, NULL))
        return err_set(&error->err, ERR_IO, "the server at %s gave no JSON (status %ld)", http->url, status);
    if (status != HTTP_OK)
        return take_error(http, answer, status, error);
    *ret_output = json_take(&answer);
    return 0;
}

/* As SDKs send it: it makes each signature another one, so that two equal requests are two (http/replay.h). */
static void write_invocation_id(char out[64])
{
    uint64_t random[2] = {0};

    if (getentropy(random, sizeof(random)))
        random[0] = (uint64_t)time(NULL);
    snprintf(out, 64, "amz-sdk-invocation-id: %016llx%016llx", (unsigned long long)random[0],
             (unsigned long long)random[1]);
}

int client_http_call(struct client_http *http, const char *operation, struct json_object *input,
                     struct json_object **ret_output, struct client_error *error)
{
    bool own = own_access_of(operation) != SERVICE_UNKNOWN;
    char *target = mem_printf("X-Amz-Target: %s.%s", own ? "Orchestrator" : "AWSStepFunctions", operation);
    char invocation[64];
    struct curl_slist second = {.data = invocation, .next = http->headers};
    struct curl_slist headers = {.data = target, .next = &second};
    AUTO_BUF request = BUF_INIT;
    AUTO_BUF body = BUF_INIT;

    write_invocation_id(invocation);
    json_write(&request, input);
    curl.easy_setopt(http->handle, CURLOPT_HTTPHEADER, &headers);
    curl.easy_setopt(http->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request.bytes);
    curl.easy_setopt(http->handle, CURLOPT_POSTFIELDS, buf_text(&request));
    curl.easy_setopt(http->handle, CURLOPT_WRITEDATA, &body);
    *http->failure = '\0';
    CURLcode code = curl.easy_perform(http->handle);
    free(target);
    return code ? fail(http, code, &error->err) : take_answer(http, &body, ret_output, error);
}
