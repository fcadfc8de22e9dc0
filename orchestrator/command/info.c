/* info.c - `info`: what the program, its store or its server say about themselves. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/node.h"
#include "orchestrator/output.h"
#include "orchestrator/own.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "runtime/store/store.h"

#include <stdlib.h>
#include <string.h>

/* What the store says about itself; one that is not there yet is not made. */
static int add_store(const char *url, struct json_object *info, struct err *err)
{
    struct store *store = NULL;
    bool exists = false;

    json_add_text(info, "store", url);
    if (store_exists(url, &exists, err))
        return err->code;
    json_add_bool(info, "storeExists", exists);
    if (!exists)
        return 0;
    if (store_open(url, &store, err))
        return err->code;
    own_add_store(store, info);
    store_close(store);
    return 0;
}

/* The user's store, or the one of the options. */
static int add_local(const struct options *options, struct json_object *info)
{
    char *url = node_store_url(options);
    struct err err = {0};
    int code = EXIT_OK;

    json_add_text(info, "region", node_region(options));
    json_add_text(info, "account", node_account(options));
    if (add_store(url, info, &err))
        code = command_fail(options, &err);
    free(url);
    return code;
}

/* What a server says: its region and account are those of the ARNs, its version may be another one. */
static int add_server(const struct options *options, struct client *client, struct json_object *info)
{
    AUTO_JSON struct json_object *input = json_object_new_object();
    AUTO_JSON struct json_object *node = NULL;
    int code = api_call(client, options, "DescribeNode", input, &node);

    if (code != EXIT_OK)
        return code;
    json_add_text(info, "endpoint", options_text(options, OPT_ENDPOINT));
    json_object_object_foreach (node, name, value) {
        json_add(info, strcmp(name, "version") ? name : "serverVersion", json_object_get(value));
    }
    return code;
}

int cmd_info(const struct options *options)
{
    AUTO_JSON struct json_object *info = json_object_new_object();
    struct client *client = NULL;
    enum output_format format;
    int code = EXIT_OK;

    if (!output_format(options, &format))
        return EXIT_USAGE;
    json_add_text(info, "version", PACKAGE_VERSION);
    json_add_text(info, "configuration", options->config_path);
    json_add_bool(info, "configurationExists", options->config != NULL);
    if (!client_is_remote(options))
        code = add_local(options, info);
    else if ((client = api_open(options, &code)))
        code = add_server(options, client, info);
    if (code == EXIT_OK)
        output_record(format, info, client ? "endpoint" : "store");
    client_close(client);
    return code;
}
