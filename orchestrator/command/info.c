#include "config.h"

#include "orchestrator/command.h"
#include "orchestrator/node.h"
#include "orchestrator/output.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "runtime/store/store.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int on_lease(void *context, const struct store_lease *lease)
{
    struct json_object *info = context;

    if (lease->expires_ms > (int64_t)time(NULL) * 1000 && lease->node)
        json_add_text(info, "owner", lease->node);
    return 0;
}

/* What the store says about itself; one that is not there yet is not made. */
static int add_store(const char *url, struct json_object *info, struct err *err)
{
    static const char sqlite[] = "sqlite:";
    struct store *store = NULL;
    AUTO_JSON struct json_object *details = NULL;

    json_add_text(info, "store", url);
    if (!strncmp(url, sqlite, strlen(sqlite)) && access(url + strlen(sqlite), F_OK)) {
        json_add_bool(info, "storeExists", false);
        return 0;
    }
    if (store_open(url, &store, err))
        return err->code;
    json_add_bool(info, "storeExists", true);
    json_add_int(info, "openExecutions", store_count_open(store));
    store_leases(store, on_lease, info, NULL);
    char *text = store_info(store);
    if (text && !json_parse(text, strlen(text), &details, NULL))
        json_add(info, "storeDetails", json_take(&details));
    free(text);
    store_close(store);
    return 0;
}

int cmd_info(const struct options *options)
{
    AUTO_JSON struct json_object *info = json_object_new_object();
    const char *endpoint = options_text(options, OPT_ENDPOINT);
    struct err err = {0};
    enum output_format format;
    char *url = node_store_url(options);
    int code = EXIT_OK;

    if (!output_format(options, &format)) {
        free(url);
        return EXIT_USAGE;
    }
    json_add_text(info, "version", PACKAGE_VERSION);
    json_add_text(info, "configuration", options->config_path);
    json_add_bool(info, "configurationExists", options->config != NULL);
    json_add_text(info, "region", node_region(options));
    json_add_text(info, "account", node_account(options));
    if (endpoint)
        json_add_text(info, "endpoint", endpoint);
    if (add_store(url, info, &err))
        code = command_fail(options, &err);
    else
        output_record(format, info, "store");
    free(url);
    return code;
}
