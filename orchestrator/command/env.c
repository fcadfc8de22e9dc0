/* env.c - `env`: what the AWS CLI and the SDKs need in their environment to use this server. */
#include "config.h"

#include "orchestrator/command.h"
#include "orchestrator/endpoint.h"
#include "orchestrator/listen.h"
#include "orchestrator/node.h"
#include "orchestrator/output.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In single quotes nothing means anything but the quote, and for fish the backslash. */
static void print_sh(const char *name, const char *value)
{
    printf("export %s='", name);
    for (; *value; value++)
        if (*value == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*value);
    puts("'");
}

static void print_fish(const char *name, const char *value)
{
    printf("set -gx %s '", name);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            putchar('\\');
        putchar(*value);
    }
    puts("'");
}

/* Credentials of any kind: then ours, which mean nothing, must not stand in their way. */
static bool has_credentials(void)
{
    static const char *const variables[] = {"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
                                            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                            "AWS_CONTAINER_CREDENTIALS_FULL_URI"};
    const char *file = getenv("AWS_SHARED_CREDENTIALS_FILE");
    const char *home = getenv("HOME");
    char *path = file && *file ? mem_strdup(file) : mem_printf("%s/.aws/credentials", home ? home : "");
    bool found = !access(path, R_OK);

    free(path);
    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        const char *value = getenv(variables[i]);
        found |= value && *value;
    }
    return found;
}

static void collect(const struct options *options, const char *url, struct json_object *variables)
{
    char *prefixed = endpoint_with_prefix(url);

    json_add_text(variables, "AWS_ENDPOINT_URL_SFN", url);
    json_add_text(variables, "AWS_ENDPOINT_URL_STEPFUNCTIONS", url);
    json_add_text(variables, "AWS_REGION", node_region(options));
    json_add_text(variables, "AWS_DEFAULT_REGION", node_region(options));
    if (!has_credentials()) {
        json_add_text(variables, "AWS_ACCESS_KEY_ID", "test");
        json_add_text(variables, "AWS_SECRET_ACCESS_KEY", "test");
        if (options_section(options, "keys"))
            fprintf(stderr, "orchestrator env: the server has keys: put one of them into AWS_ACCESS_KEY_ID and "
                            "AWS_SECRET_ACCESS_KEY\n");
    }
    if (options_has(options, OPT_CA_FILE))
        json_add_text(variables, "AWS_CA_BUNDLE", options_text(options, OPT_CA_FILE));
    if (!endpoint_resolves(prefixed))
        json_add_text(variables, "AWS_DISABLE_HOST_PREFIX_INJECTION", "true");
    free(prefixed);
}

int cmd_env(const struct options *options)
{
    const char *format = options_text_or(options, OPT_ENV_FORMAT, "sh");
    AUTO_JSON struct json_object *variables = json_object_new_object();
    struct err err = {0};
    char *url = NULL;

    if (strcmp(format, "sh") && strcmp(format, "fish") && strcmp(format, "json"))
        return command_usage(options, "--output is sh, fish or json, not \"%s\"", format);
    if (listen_endpoint(options, &url, &err))
        return command_usage(options, "%s", err.message);
    if (!endpoint_is_good(url)) {
        int code =
            command_usage(options, "--endpoint: expected http://HOST:PORT or https://HOST:PORT, found \"%s\"", url);
        free(url);
        return code;
    }
    collect(options, url, variables);
    free(url);
    if (!strcmp(format, "json")) {
        output_json(variables, true);
        return EXIT_OK;
    }
    json_object_object_foreach (variables, name, value) {
        (!strcmp(format, "sh") ? print_sh : print_fish)(name, json_object_get_string(value));
    }
    return EXIT_OK;
}
