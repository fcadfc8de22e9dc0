/* doctor_server.c - what `doctor` looks at on the way to a server, its own client's way and that of AWS's SDKs. */
#include "config.h"

#include "orchestrator/doctor.h"

#include "orchestrator/client.h"
#include "orchestrator/endpoint.h"
#include "orchestrator/http/sigv4.h"
#include "orchestrator/listen.h"
#include "orchestrator/node.h"
#include "orchestrator/options.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SKEW_NOTED_S = 60 };

/* Where the client signs, and nobody asks for it, that is fine; the other way round it is not. */
static void judge_credentials(struct doctor *doctor, const struct client_error *error)
{
    bool given = options_has(doctor->options, OPT_ACCESS_KEY_ID);

    if (!*error->name)
        doctor_say(doctor, FINDING_OK, "credentials", NULL, "%s", given ? "the server takes them" : "none are needed");
    else if (!strcmp(error->name, "MissingAuthenticationTokenException"))
        doctor_say(doctor, FINDING_FAULT, "credentials", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
                   "the server wants signed requests");
    else if (!strcmp(error->name, "UnrecognizedClientException"))
        doctor_say(doctor, FINDING_FAULT, "credentials", "see `keys` in the server's configuration file",
                   "the server has no key \"%s\"", options_text_or(doctor->options, OPT_ACCESS_KEY_ID, ""));
    else if (!strcmp(error->name, "AccessDeniedException"))
        doctor_say(doctor, FINDING_WARNING, "credentials", "roles: see orchestrator-serve(1)",
                   "the server takes them, but their role does not allow to read");
    else if (!strcmp(error->name, "UnknownOperationException"))
        doctor_say(doctor, FINDING_WARNING, "credentials", NULL, "this is another server than orchestrator's");
    else
        doctor_say(doctor, FINDING_FAULT, "credentials", "check secret, clock and --region", "%s: %s", error->name,
                   error->message);
}

static void judge_clock(struct doctor *doctor, int64_t server_s)
{
    int64_t ahead_s = server_s - (int64_t)time(NULL);

    if (!server_s)
        return;
    if (llabs(ahead_s) > SIGV4_SKEW_SECONDS)
        doctor_say(doctor, FINDING_FAULT, "clock", "set the clocks by NTP: signatures are refused",
                   "the server's clock is %lld s %s", (long long)llabs(ahead_s), ahead_s > 0 ? "ahead" : "behind");
    else if (llabs(ahead_s) > SKEW_NOTED_S)
        doctor_say(doctor, FINDING_WARNING, "clock", "set the clocks by NTP", "the server's clock is %lld s %s",
                   (long long)llabs(ahead_s), ahead_s > 0 ? "ahead" : "behind");
    else
        doctor_say(doctor, FINDING_OK, "clock", NULL, "the server's is within %d s of ours", SKEW_NOTED_S);
}

static void judge_region(struct doctor *doctor, struct json_object *node)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    const char *region = json_member_text(node, "region");

    for (size_t i = 0; region && i < sizeof(variables) / sizeof(*variables); i++) {
        const char *value = getenv(variables[i]);
        if (value && *value && strcmp(value, region)) {
            doctor_say(doctor, FINDING_WARNING, "region", "eval \"$(orchestrator env)\"",
                       "%s is %s, but the server's region is %s", variables[i], value, region);
            return;
        }
    }
    if (region)
        doctor_say(doctor, FINDING_OK, "region", NULL, "%s, account %s", region, json_member_text(node, "account"));
}

/* Asks the server at the address what it is. */
static int ask(struct doctor *doctor, const char *url, struct json_object **ret_node, int64_t *ret_date_s,
               struct client_error *error)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    struct client_http *http = NULL;
    int result = client_http_open(doctor->options, url, &http, &error->err);

    if (!result)
        result = client_http_call(http, "DescribeNode", input, ret_node, error);
    *ret_date_s = http ? client_http_date_s(http) : 0;
    client_http_close(http);
    return result;
}

/* --- how SDKs come there ----------------------------------------------------------------------------------------- */

/* StartSyncExecution and TestState go to sync-HOST, unless they are told not to. */
static void check_prefix(struct doctor *doctor, const char *url)
{
    AUTO_JSON struct json_object *node = NULL;
    struct client_error error = CLIENT_ERROR_INIT;
    char *prefixed = endpoint_with_prefix(url);
    char *host = endpoint_host(prefixed);
    const char *off = getenv("AWS_DISABLE_HOST_PREFIX_INJECTION");
    int64_t date_s;

    if (endpoint_resolves(prefixed) && (!ask(doctor, prefixed, &node, &date_s, &error) || *error.name))
        doctor_say(doctor, FINDING_OK, "sync- prefix", NULL, "%s leads to the server", host);
    else if (off && !strcmp(off, "true"))
        doctor_say(
            doctor, FINDING_OK, "sync- prefix", NULL,
            "%s does not lead to the server, but AWS_DISABLE_HOST_PREFIX_INJECTION is true (older SDKs do not heed it)",
            host);
    else if (endpoint_resolves(prefixed))
        doctor_say(doctor, FINDING_WARNING, "sync- prefix",
                   "it must be another name of the same server, also in its certificate", "%s is known, but %s", host,
                   error.err.message);
    else {
        char *advice =
            mem_printf("StartSyncExecution and TestState of SDKs go there: %s, or switch the prefix off: "
                       "AWS_DISABLE_HOST_PREFIX_INJECTION=true (AWS CLI and SDKs of 2025 on), inject_host_prefix=False "
                       "in the Config of boto3, "
                       "disableHostPrefix: true in JavaScript",
                       endpoint_is_loopback(url)
                           ? "put \"127.0.0.1 sync-localhost\" into /etc/hosts and use localhost in the endpoint"
                           : "make that name known for the same address");
        doctor_say(doctor, FINDING_WARNING, "sync- prefix", advice, "%s is no name that is known", host);
        free(advice);
    }
    client_error_release(&error);
    free(host);
    free(prefixed);
}

/* Whether the CLI and the SDKs would come here at all. */
static void check_environment(struct doctor *doctor, const char *url)
{
    static const char *const variables[] = {"AWS_ENDPOINT_URL_SFN", "AWS_ENDPOINT_URL_STEPFUNCTIONS",
                                            "AWS_ENDPOINT_URL"};

    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        const char *value = getenv(variables[i]);
        if (!value || !*value)
            continue;
        if (!strcmp(value, url))
            doctor_say(doctor, FINDING_OK, "environment", NULL, "%s is %s", variables[i], value);
        else
            doctor_say(doctor, FINDING_WARNING, "environment", "eval \"$(orchestrator env)\"",
                       "%s is %s, another server than %s", variables[i], value, url);
        return;
    }
    doctor_say(doctor, FINDING_WARNING, "environment", "eval \"$(orchestrator env)\"",
               "AWS_ENDPOINT_URL_SFN is not set: the AWS CLI and SDKs go to AWS unless they are told the endpoint");
}

void doctor_check_server(struct doctor *doctor)
{
    AUTO_JSON struct json_object *node = NULL;
    struct client_error error = CLIENT_ERROR_INIT;
    struct err err = {0};
    char *url = NULL;
    int64_t date_s = 0;

    if (listen_endpoint(doctor->options, &url, &err)) {
        doctor_say(doctor, FINDING_FAULT, "server", NULL, "%s", err.message);
        return;
    }
    if (!ask(doctor, url, &node, &date_s, &error) || *error.name) {
        const char *version = json_member_text(node, "version");
        doctor_say(doctor, FINDING_OK, "server", NULL, "%s answers%s%s", url, version ? ", version " : "",
                   version ? version : "");
        judge_credentials(doctor, &error);
        judge_clock(doctor, date_s);
        judge_region(doctor, node);
        check_prefix(doctor, url);
    } else if (options_has(doctor->options, OPT_ENDPOINT) || error.err.code != ERR_IO) {
        doctor_say(doctor, FINDING_FAULT, "server", error.err.hint[0] ? error.err.hint : NULL, "%s", error.err.message);
    } else {
        doctor_say(doctor, FINDING_WARNING, "server", "`orchestrator serve` runs it", "none answers at %s", url);
    }
    if (endpoint_is_good(url))
        check_environment(doctor, url);
    client_error_release(&error);
    free(url);
}
