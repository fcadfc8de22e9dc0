#include "config.h"

#include "orchestrator/settings.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/base/suggest.h"
#include "asl/definition/definition.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 << 20 };

/* Parts of the file that are no options. */
static const char *const sections[] = {"functions", "keys"};

const char *settings_key(enum option option)
{
    /* `functions` is the section that holds the settings of single functions. */
    return option == OPT_FUNCTIONS ? "function-directories" : option_spec(option)->long_name;
}

char *settings_text(struct json_object *value)
{
    if (json_object_is_type(value, json_type_string))
        return mem_strdup(json_object_get_string(value));
    return json_text(value);
}

char *settings_user_path(const char *variable, const char *fallback, const char *name)
{
    const char *base = getenv(variable);
    const char *home = getenv("HOME");

    if (base && *base == '/') /* the XDG specification: a relative path is to be ignored */
        return mem_printf("%s/orchestrator/%s", base, name);
    return mem_printf("%s/%s/orchestrator/%s", home && *home ? home : "", fallback, name);
}

int settings_read_file(const char *path, struct buf *out, struct err *err)
{
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    const char *name = path ? path : "standard input";
    ssize_t bytes = -1;

    if (fd >= 0) {
        while ((bytes = read(fd, buf_reserve(out, 65536), 65536)) > 0 && out->bytes <= FILE_BYTES_MAX) {
            out->bytes += (size_t)bytes;
            out->data[out->bytes] = '\0';
        }
    }
    int code = errno;
    if (fd > STDIN_FILENO)
        close(fd);
    if (bytes < 0)
        err_set(err, code == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s", strerror(code));
    else if (out->bytes > FILE_BYTES_MAX)
        err_set(err, ERR_LIMIT, "larger than %d MiB", FILE_BYTES_MAX >> 20);
    else
        return 0;
    err_at(err, "%s", name);
    return bytes < 0 ? (code == ENOENT ? ERR_NOT_FOUND : ERR_IO) : ERR_LIMIT;
}

/* Whether an option of the file or a section has this key; offers near ones to `suggest`. */
static bool key_is_known(const char *key, struct suggest *suggest)
{
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        enum option_kind kind = option_spec(option)->kind;
        if (kind != OPTION_SETTING && kind != OPTION_LIST)
            continue;
        if (!strcmp(key, settings_key(option)))
            return true;
        suggest_offer(suggest, settings_key(option));
    }
    for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
        if (!strcmp(key, sections[i]))
            return true;
        suggest_offer(suggest, sections[i]);
    }
    return false;
}

static int check(struct json_object *config, struct err *err)
{
    if (!config || !json_object_is_type(config, json_type_object))
        return err_set(err, ERR_INVALID, "expected a mapping of settings");
    json_object_object_foreach (config, key, value) {
        struct suggest suggest = suggest_begin(key);
        (void)value;
        if (key_is_known(key, &suggest))
            continue;
        err_set(err, ERR_INVALID, "unknown setting \"%s\"", key);
        if (suggest.best)
            err_hint(err, "did you mean \"%s\"?", suggest.best);
        return ERR_INVALID;
    }
    return 0;
}

int settings_read(const char *path, char **ret_path, struct json_object **ret_config, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    AUTO_JSON struct json_object *config = NULL;
    int result;

    *ret_path = path ? mem_strdup(path) : settings_user_path("XDG_CONFIG_HOME", ".config", "config.yaml");
    if (!path && access(*ret_path, F_OK))
        return 0;
    if ((result = settings_read_file(*ret_path, &text, err)))
        return result;
    if (!text.bytes)
        return 0;
    if ((result = definition_parse_document(text.data, text.bytes, &config, err)) || (result = check(config, err))) {
        err_at(err, "%s", *ret_path);
        return result;
    }
    *ret_config = json_take(&config);
    return 0;
}
