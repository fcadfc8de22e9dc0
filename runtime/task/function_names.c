/* function_names.c - which functions this process has handlers for. */
#include "config.h"

#include "runtime/task/functions.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/task/functions_priv.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

bool functions_task_name(const struct task *task, char name[FUNCTION_NAME_CHARS_MAX + 1])
{
    const char *text = functions_invoked(task->resource)           ? json_member_text(task->input, "FunctionName")
                       : task->resource->kind == RESOURCE_FUNCTION ? task->resource->name
                                                                   : NULL;
    return text && function_name_read(text, name);
}

bool functions_called(struct connector *connector, const char *name)
{
    return functions_known((struct functions *)connector, name) != NULL;
}

bool functions_has(struct connector *connector, const char *name)
{
    struct functions *all = (struct functions *)connector;
    struct function_settings settings;
    if (functions_called(connector, name))
        return true;
    if (function_settings_find(&all->options, name, &settings, NULL) != 0)
        return false;
    function_settings_release(&settings);
    return true;
}

/* Adds the names that the files of a folder may be handlers or settings of. */
static void add_folder(struct json_object *names, const char *folder)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    while (directory && (entry = readdir(directory)) != NULL) {
        size_t bytes = strcspn(entry->d_name, ".");
        if (!function_name_valid(entry->d_name, bytes))
            continue;
        char *name = mem_strndup(entry->d_name, bytes);
        json_add_bool(names, name, true);
        free(name);
    }
    if (directory)
        closedir(directory);
}

static int by_text(const void *a, const void *b)
{
    struct json_object *const *left = a, *const *right = b;
    return strcmp(json_object_get_string(*left), json_object_get_string(*right));
}

struct json_object *functions_names(struct connector *connector)
{
    struct functions *all = (struct functions *)connector;
    AUTO_JSON struct json_object *candidates = json_object_new_object();
    struct json_object *names = json_object_new_array();
    if (all->options.configuration) {
        json_object_object_foreach (all->options.configuration, configured, settings) {
            (void)settings;
            json_add_bool(candidates, configured, true);
        }
    }
    for (size_t i = 0; i < all->options.directory_count; i++)
        add_folder(candidates, all->options.directories[i]);
    json_object_object_foreach (candidates, name, candidate) {
        (void)candidate;
        if (functions_has(connector, name))
            json_append(names, json_object_new_string(name));
    }
    json_object_array_sort(names, by_text);
    return names;
}
