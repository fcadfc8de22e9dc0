#include "config.h"

#include "orchestrator/retention_settings.h"

#include "orchestrator/options.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "runtime/upkeep/retention.h"

#include <stdio.h>
#include <string.h>

static int read_time(const char *place, const char *text, int64_t *ret_ms, struct err *err)
{
    if (text && retention_parse(text, ret_ms))
        return 0;
    err_set(err, ERR_INVALID, "%s: expected a time as 90d, 12h, 30m, 45s or forever, found \"%s\"", place,
            text ? text : "");
    return ERR_INVALID;
}

static int read_machines(struct retention *retention, struct json_object *machines, struct err *err)
{
    if (!json_object_is_type(machines, json_type_object))
        return err_set(err, ERR_INVALID, "retention: machines: expected a mapping of names to times");
    json_object_object_foreach (machines, name, value) {
        char place[128];
        int64_t keep_ms = 0;
        int result;

        snprintf(place, sizeof(place), "retention: machines: %s", name);
        if ((result = read_time(place, json_object_get_string(value), &keep_ms, err)))
            return result;
        retention_add(retention, name, keep_ms);
    }
    return 0;
}

static int read_section(struct retention *retention, struct json_object *section, struct err *err)
{
    json_object_object_foreach (section, key, value) {
        int64_t keep_ms = 0;
        int result;

        if (!strcmp(key, "machines"))
            result = read_machines(retention, value, err);
        else if (strcmp(key, "default"))
            result = err_set(err, ERR_INVALID, "retention: unknown setting \"%s\", expected default or machines", key);
        else if (!(result = read_time("retention: default", json_object_get_string(value), &keep_ms, err)))
            retention_set_default(retention, keep_ms);
        if (result)
            return result;
    }
    return 0;
}

int retention_settings_read(const struct options *options, struct retention **ret_retention, struct err *err)
{
    struct retention *retention = retention_new(RETENTION_FOREVER);
    struct json_object *section = options_section(options, "retention");
    const char *text = options_text(options, OPT_RETENTION);
    int64_t keep_ms = 0;
    int result = 0;

    if (json_object_is_type(section, json_type_object)) {
        if ((result = read_section(retention, section, err)))
            err_at(err, "%s", options->config_path);
        if (text && *text == '{') /* the section itself */
            text = NULL;
    }
    if (!result && text && !(result = read_time("--retention", text, &keep_ms, err)))
        retention_set_default(retention, keep_ms);
    if (result || retention_shortest(retention) == RETENTION_FOREVER) {
        retention_free(retention);
        return result;
    }
    *ret_retention = retention;
    return 0;
}
