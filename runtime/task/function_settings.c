#include "config.h"

#include "runtime/task/function_settings.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/task/functions.h"
#include "runtime/task/text_file.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PROCESSES_MAX = 1024,
    CONCURRENCY_MAX = 4096,
    TIMEOUT_SECONDS_MAX = 99999999,
    SETTINGS_FILE_BYTES_MAX = 1048576
};

extern char **environ;

bool function_name_valid(const char *name, size_t bytes)
{
    if (bytes == 0 || bytes > FUNCTION_NAME_CHARS_MAX)
        return false;
    for (size_t i = 0; i < bytes; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
            return false;
    return true;
}

static void free_texts(char **texts)
{
    for (char **text = texts; texts && *text; text++)
        free(*text);
    free(texts);
}

void function_settings_release(struct function_settings *settings)
{
    free_texts(settings->argv);
    free_texts(settings->envp);
    free(settings->cwd);
    *settings = (struct function_settings){0};
}

/* --- members ---------------------------------------------------------------------------------- */

/* The place of an error is "/NAME/member"; what a member is relative to is the folder of its file. */
struct source {
    const char *name;
    const char *folder; /* NULL: the engine's working directory */
    int default_timeout_s;
    int processes_max;
};

static int wrong(const struct source *source, const char *member, struct err *err, const char *expected)
{
    err_set(err, ERR_INVALID, "\"%s\" of a function is %s", member, expected);
    err_at(err, "/%s/%s", source->name, member);
    return ERR_INVALID;
}

static char *in_folder(const char *folder, const char *path)
{
    if (folder == NULL || path[0] == '/')
        return mem_strdup(path);
    return mem_printf("%s/%s", folder, path);
}

static int read_command(const struct source *source, struct json_object *value, struct function_settings *settings,
                        struct err *err)
{
    static const char expected[] = "a list of texts, such as [\"python3\", \"charge.py\"]";
    size_t count = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
    if (count == 0)
        return wrong(source, "command", err, expected);
    settings->argv = mem_zalloc((count + 1) * sizeof *settings->argv);
    for (size_t i = 0; i < count; i++) {
        struct json_object *word = json_object_array_get_idx(value, i);
        const char *text = json_object_get_string(word);
        if (!json_object_is_type(word, json_type_string) || strlen(text) != (size_t)json_object_get_string_len(word) ||
            (i == 0 && text[0] == '\0'))
            return wrong(source, "command", err, expected);
        settings->argv[i] = i == 0 && strchr(text, '/') ? in_folder(source->folder, text) : mem_strdup(text);
    }
    return 0;
}

static int read_count(const struct source *source, const char *member, struct json_object *value, int max,
                      int *ret_count, struct err *err)
{
    char expected[64];
    int64_t count = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
    if (count < 1 || count > max) {
        snprintf(expected, sizeof expected, "a whole number from 1 to %d", max);
        return wrong(source, member, err, expected);
    }
    *ret_count = (int)count;
    return 0;
}

static int read_timeout(const struct source *source, struct json_object *value, struct function_settings *settings,
                        struct err *err)
{
    bool number = json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
    double seconds = number ? json_object_get_double(value) : -1;
    if (!(seconds >= 0 && seconds <= TIMEOUT_SECONDS_MAX))
        return wrong(source, "timeout", err, "a number of seconds, 0 for none");
    settings->timeout_ms = (int64_t)ceil(seconds * 1000);
    return 0;
}

/* The value of an environment variable of that name, or NULL. */
static struct json_object *changed(struct json_object *changes, const char *assignment)
{
    json_object_object_foreach (changes, name, value) {
        size_t bytes = strlen(name);
        if (strncmp(assignment, name, bytes) == 0 && assignment[bytes] == '=')
            return value;
    }
    return NULL;
}

static int read_environment(const struct source *source, struct json_object *changes, struct err *err)
{
    if (!json_object_is_type(changes, json_type_object))
        return wrong(source, "env", err, "an object of names and texts");
    json_object_object_foreach (changes, name, value) {
        bool text = json_object_is_type(value, json_type_string) &&
                    strlen(json_object_get_string(value)) == (size_t)json_object_get_string_len(value);
        if (name[0] == '\0' || strchr(name, '=') || !(text || json_object_is_type(value, json_type_int)))
            return wrong(source, "env", err, "an object of names and texts");
    }
    return 0;
}

/* The engine's environment, with the changes of the settings and the function's name. */
static char **make_environment(const char *function, struct json_object *changes)
{
    size_t count = 2 + (size_t)(changes ? json_object_object_length(changes) : 0);
    for (char **entry = environ; *entry; entry++)
        count++;
    char **envp = mem_zalloc((count + 1) * sizeof *envp);
    char **next = envp;
    for (char **entry = environ; *entry; entry++)
        if (strncmp(*entry, "ORCHESTRATOR_FUNCTION=", 22) != 0 && !(changes && changed(changes, *entry)))
            *next++ = mem_strdup(*entry);
    *next++ = mem_printf("ORCHESTRATOR_FUNCTION=%s", function);
    if (changes) {
        json_object_object_foreach (changes, name, value) {
            *next++ = mem_printf("%s=%s", name, json_object_get_string(value));
        }
    }
    return envp;
}

/* Members that are not there keep what the settings hold already. */
static int read_member(const struct source *source, const char *member, struct json_object *value,
                       struct function_settings *settings, struct err *err)
{
    bool text = json_object_is_type(value, json_type_string);
    if (strcmp(member, "command") == 0)
        return read_command(source, value, settings, err);
    if (strcmp(member, "processes") == 0)
        return read_count(source, member, value, PROCESSES_MAX, &settings->processes, err);
    if (strcmp(member, "concurrency") == 0)
        return read_count(source, member, value, CONCURRENCY_MAX, &settings->concurrency, err);
    if (strcmp(member, "timeout") == 0)
        return read_timeout(source, value, settings, err);
    if (strcmp(member, "env") == 0)
        return read_environment(source, value, err);
    if (strcmp(member, "mode") == 0) {
        const char *mode = text ? json_object_get_string(value) : "";
        if (strcmp(mode, "lines") != 0 && strcmp(mode, "command") != 0)
            return wrong(source, member, err, "\"lines\" or \"command\"");
        settings->mode = mode[0] == 'l' ? FUNCTION_LINES : FUNCTION_COMMAND;
        return 0;
    }
    if (strcmp(member, "cwd") == 0) {
        if (!text || json_object_get_string_len(value) == 0)
            return wrong(source, member, err, "the path of a folder");
        settings->cwd = in_folder(source->folder, json_object_get_string(value));
        return 0;
    }
    wrong(source, member, err, "not known");
    err_hint(err, "known are command, mode, processes, concurrency, timeout, env and cwd");
    return ERR_INVALID;
}

static void set_defaults(const struct source *source, struct function_settings *settings)
{
    if (settings->processes == 0)
        settings->processes = settings->mode == FUNCTION_LINES ? FUNCTION_LINES_PROCESSES : source->processes_max;
    if (settings->concurrency == 0)
        settings->concurrency = FUNCTION_LINES_CONCURRENCY;
}

/* `executable` is what runs when the settings name no command (NULL: they have to). */
static int read_settings(const struct source *source, struct json_object *object, const char *executable,
                         struct function_settings *ret_settings, struct err *err)
{
    struct function_settings settings = {.timeout_ms = (int64_t)source->default_timeout_s * 1000};
    struct json_object *changes = NULL;
    int code = 0;
    if (executable && strstr(strrchr(executable, '/'), ".lines"))
        settings.mode = FUNCTION_LINES;
    if (object && !json_object_is_type(object, json_type_object)) {
        code = err_set(err, ERR_INVALID, "the settings of a function are an object");
        err_at(err, "/%s", source->name);
    } else if (object) {
        json_object_object_foreach (object, member, value) {
            if (code == 0)
                code = read_member(source, member, value, &settings, err);
        }
        json_member(object, "env", &changes);
    }
    if (code == 0 && settings.argv == NULL && executable) {
        settings.argv = mem_zalloc(2 * sizeof *settings.argv);
        settings.argv[0] = mem_strdup(executable);
    }
    if (code == 0 && settings.argv == NULL)
        code = wrong(source, "command", err, "missing");
    if (code != 0) {
        function_settings_release(&settings);
        return code;
    }
    set_defaults(source, &settings);
    settings.envp = make_environment(source->name, changes);
    *ret_settings = settings;
    return 0;
}

/* --- places ----------------------------------------------------------------------------------- */

static bool has_suffix(const char *text, const char *suffix)
{
    size_t bytes = strlen(text), tail = strlen(suffix);
    return bytes >= tail && strcmp(text + bytes - tail, suffix) == 0;
}

/* NAME, or NAME.something that is neither settings, nor C, nor what an editor left behind. */
static bool could_be_handler(const char *file, const char *name)
{
    size_t bytes = strlen(name);
    if (strncmp(file, name, bytes) != 0 || (file[bytes] != '\0' && file[bytes] != '.'))
        return false;
    return !has_suffix(file, ".json") && !has_suffix(file, ".c") && !has_suffix(file, "~");
}

/*
 * The path of the executable NAME or NAME.* in a folder: the first by name. ret_other: the path of such a
 * file that cannot be executed. Both from the heap, or NULL.
 */
static void find_executable(const char *folder, const char *name, char **ret_path, char **ret_other)
{
    char *best = NULL, *other = NULL;
    DIR *directory = opendir(folder);
    struct dirent *entry;
    while (directory && (entry = readdir(directory)) != NULL) {
        struct stat status;
        if (!could_be_handler(entry->d_name, name))
            continue;
        char *path = mem_printf("%s/%s", folder, entry->d_name);
        bool file = stat(path, &status) == 0 && S_ISREG(status.st_mode);
        char **place = file && access(path, X_OK) == 0 ? &best : &other;
        if (file && (*place == NULL || strcmp(path, *place) < 0)) {
            char *worse = *place;
            *place = path;
            path = worse;
        }
        free(path);
    }
    if (directory)
        closedir(directory);
    *ret_path = best;
    *ret_other = other;
}

/* NAME.json beside the handlers. ERR_NOT_FOUND where there is none. */
static int read_settings_file(const char *path, struct json_object **ret_object, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    int code = text_file_read(path, SETTINGS_FILE_BYTES_MAX, &text, err);
    if (code == 0) {
        code = json_parse(buf_text(&text), text.bytes, ret_object, err);
        if (code != 0)
            err_at(err, "%s", path);
    }
    return code;
}

/* in_vain: the first file on the way that would be the handler if it were executable; from the heap, or NULL. */
static int find_in_folder(const char *folder, struct source source, char **in_vain,
                          struct function_settings *ret_settings, struct err *err)
{
    AUTO_JSON struct json_object *object = NULL;
    char *settings_path = mem_printf("%s/%s.json", folder, source.name);
    char *executable = NULL, *other = NULL;
    source.folder = folder;
    int code = read_settings_file(settings_path, &object, err);
    if (code == 0 || code == ERR_NOT_FOUND) {
        bool settings = code == 0;
        find_executable(folder, source.name, &executable, &other);
        if (settings || executable) {
            code = read_settings(&source, object, executable, ret_settings, err);
        } else {
            code = ERR_NOT_FOUND;
            if (other && *in_vain == NULL)
                *in_vain = mem_strdup(other);
        }
    }
    free(executable);
    free(other);
    free(settings_path);
    return code;
}

int function_settings_check(const struct functions_options *options, struct err *err)
{
    if (options->configuration == NULL)
        return 0;
    if (!json_object_is_type(options->configuration, json_type_object))
        return err_set(err, ERR_INVALID, "the functions of a configuration are an object: a name and settings each");
    json_object_object_foreach (options->configuration, name, entry) {
        struct function_settings settings;
        struct source source = {.name = name, .processes_max = options->processes_max};
        if (!function_name_valid(name, strlen(name))) {
            err_set(err, ERR_INVALID, "\"%s\" cannot be the name of a function", name);
            err_hint(err, "letters, digits, - and _, at most %d of them", FUNCTION_NAME_CHARS_MAX);
            return ERR_INVALID;
        }
        int code = read_settings(&source, entry, NULL, &settings, err);
        if (code != 0)
            return code;
        function_settings_release(&settings);
    }
    return 0;
}

int function_settings_find(const struct functions_options *options, const char *name,
                           struct function_settings *ret_settings, struct err *err)
{
    struct json_object *entry;
    struct source source = {
        .name = name, .default_timeout_s = options->default_timeout_s, .processes_max = options->processes_max};
    if (json_member(options->configuration, name, &entry))
        return read_settings(&source, entry, NULL, ret_settings, err);
    char *in_vain = NULL;
    int code = ERR_NOT_FOUND;
    for (size_t i = 0; i < options->directory_count && code == ERR_NOT_FOUND; i++)
        code = find_in_folder(options->directories[i], source, &in_vain, ret_settings, err);
    if (code == ERR_NOT_FOUND && in_vain) {
        code = err_set(err, ERR_INVALID, "the handler %s is not executable", in_vain);
        err_hint(err, "chmod +x %s", in_vain);
    } else if (code == ERR_NOT_FOUND) {
        err_set(err, code, "no executable \"%s\" or \"%s.*\" in the functions directories", name, name);
    }
    free(in_vain);
    return code;
}
