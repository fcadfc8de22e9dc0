/* doctor_local.c - what `doctor` looks at on this machine. */
#include "config.h"

#include "orchestrator/doctor.h"

#include "orchestrator/http/sigv4.h"
#include "orchestrator/node.h"
#include "orchestrator/options.h"
#include "orchestrator/own.h"
#include "orchestrator/settings.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/store/store.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { FREE_MIB_LOW = 256, DESCRIPTORS_LOW = 4096 };

/* --- configuration file ----------------------------------------------------------------------------------- */

static void check_configuration(struct doctor *doctor)
{
    const struct options *options = doctor->options;
    struct json_object *keys = options_section(options, "keys");
    struct http_keys *read_keys = NULL;
    struct err err = {0};
    struct stat status;

    if (!options->config) {
        doctor_say(doctor, FINDING_OK, "configuration", NULL, "there is no %s: defaults and environment",
                   options->config_path);
        return;
    }
    if (keys && http_keys_read(keys, &read_keys, &err))
        doctor_say(doctor, FINDING_FAULT, "configuration", "`serve` will not start with it", "%s: %s",
                   options->config_path, err.message);
    else if ((keys || options_has(options, OPT_SECRET_ACCESS_KEY)) && !stat(options->config_path, &status) &&
             status.st_mode & 077)
        doctor_say(doctor, FINDING_WARNING, "configuration", "chmod 600 it", "%s holds secrets, and others may read it",
                   options->config_path);
    else
        doctor_say(doctor, FINDING_OK, "configuration", NULL, "%s%s", options->config_path,
                   keys ? ", with keys: requests must be signed" : "");
    http_keys_free(read_keys);
}

/* --- store --------------------------------------------------------------------------------------------------- */

/* The folder that the file is or would be in, on the heap. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? mem_strndup(path, slash > path ? (size_t)(slash - path) : 1) : mem_strdup(".");
}

static void check_space(struct doctor *doctor, const char *path)
{
    char *folder = folder_of(path);
    struct statvfs space;

    if (!statvfs(folder, &space)) {
        unsigned long long free_mib = (unsigned long long)space.f_bavail * space.f_frsize >> 20;
        if (free_mib < FREE_MIB_LOW)
            doctor_say(doctor, FINDING_WARNING, "disk", "a full disk refuses changes until there is space again",
                       "%llu MiB are free in %s", free_mib, folder);
        else
            doctor_say(doctor, FINDING_OK, "disk", NULL, "%llu MiB are free in %s", free_mib, folder);
    }
    free(folder);
}

/* A file that is not there will be made, its folders too: the nearest one that is there must allow that. */
static void check_new_file(struct doctor *doctor, const char *url, const char *path)
{
    char *folder = folder_of(path);

    while (access(folder, F_OK) && strcmp(folder, "/") && strcmp(folder, ".")) {
        char *above = folder_of(folder);
        free(folder);
        folder = above;
    }
    if (access(folder, W_OK))
        doctor_say(doctor, FINDING_FAULT, "store", "name another one with --store, or allow writing there",
                   "%s is not there, and %s cannot be written to", url, folder);
    else
        doctor_say(doctor, FINDING_OK, "store", NULL, "%s is not there: it will be made", url);
    free(folder);
}

/* A database of PostgreSQL that holds no store yet. */
static bool check_new_schema(struct doctor *doctor, const char *url)
{
    bool exists = true;

    /* what cannot be asked is told by check_open_store() */
    if (store_exists(url, &exists, NULL) || exists)
        return false;
    doctor_say(doctor, FINDING_OK, "store", NULL, "postgres: the database holds no store yet: it will be made");
    return true;
}

static void check_open_store(struct doctor *doctor, const char *url, const char *path)
{
    AUTO_JSON struct json_object *info = json_object_new_object();
    struct store *store = NULL;
    struct err err = {0};
    struct stat status;

    if (store_open(url, &store, &err)) {
        doctor_say(doctor, FINDING_FAULT, "store", err.hint[0] ? err.hint : "name another one with --store", "%s: %s",
                   err.where[0] ? err.where : url, err.message);
        return;
    }
    own_add_store(store, info);
    const char *owner = json_member_text(info, "owner");
    const char *kind = store_kind(store);
    if (path && !stat(path, &status) && status.st_mode & 077)
        doctor_say(doctor, FINDING_WARNING, "store", "chmod 600 it: inputs and outputs are in there as they are",
                   "others may read or write %s", path);
    else
        doctor_say(doctor, FINDING_OK, "store", NULL, "%s: %lld executions are open, %s%s",
                   path ? url : kind, /* an address of PostgreSQL may hold a password */
                   (long long)json_member_int(info, "openExecutions", 0), owner ? "run by " : "nobody runs it now",
                   owner ? owner : "");
    store_close(store);
}

static void check_store(struct doctor *doctor)
{
    static const char sqlite[] = "sqlite:";
    char *url = node_store_url(doctor->options);
    const char *path = !strncmp(url, sqlite, strlen(sqlite)) ? url + strlen(sqlite) : NULL;

    if (path && access(path, F_OK))
        check_new_file(doctor, url, path);
    else if (path || !check_new_schema(doctor, url))
        check_open_store(doctor, url, path);
    if (path)
        check_space(doctor, path);
    free(url);
}

/* --- directories --------------------------------------------------------------------------------------------- */

static bool is_directory(const char *path)
{
    struct stat status;
    return !stat(path, &status) && S_ISDIR(status.st_mode);
}

static void check_functions(struct doctor *doctor, const char *path)
{
    int handlers = 0;
    char *idle = NULL; /* one that cannot be started */
    struct stat status;
    DIR *directory = opendir(path);

    if (!directory) {
        doctor_say(doctor, FINDING_FAULT, "functions", "make it, or name another one with --functions",
                   "%s is no directory that can be read", path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.' || fstatat(dirfd(directory), entry->d_name, &status, 0) || !S_ISREG(status.st_mode))
            continue;
        if (!faccessat(dirfd(directory), entry->d_name, X_OK, 0))
            handlers++;
        else if (!idle)
            idle = mem_strdup(entry->d_name);
    }
    if (!fstat(dirfd(directory), &status) && status.st_mode & 002)
        doctor_say(doctor, FINDING_WARNING, "functions", "chmod o-w it: what lies there is run",
                   "anybody may write to %s", path);
    else if (!handlers && idle)
        doctor_say(doctor, FINDING_WARNING, "functions", "handlers must be executable: chmod +x",
                   "%s holds nothing executable, but %s", path, idle);
    else
        doctor_say(doctor, FINDING_OK, "functions", NULL, "%s: %d handlers", path, handlers);
    free(idle);
    closedir(directory);
}

static void check_mock(struct doctor *doctor)
{
    const char *path = options_text(doctor->options, OPT_MOCK);
    AUTO_BUF text = BUF_INIT;
    AUTO_JSON struct json_object *mock = NULL;
    struct err err = {0};

    if (!path)
        return;
    if (settings_read_file(path, &text, &err) || json_parse(buf_text(&text), text.bytes, &mock, &err))
        doctor_say(doctor, FINDING_FAULT, "mock file", "correct the file, or unset SFN_MOCK_CONFIG", "%s: %s", path,
                   err.message);
    else
        doctor_say(doctor, FINDING_OK, "mock file", NULL, "%s", path);
}

static void check_directories(struct doctor *doctor)
{
    const struct option_values *functions = &doctor->options->given[OPT_FUNCTIONS];
    const char *buckets = options_text(doctor->options, OPT_BUCKETS);

    if (!functions->count)
        doctor_say(doctor, FINDING_OK, "functions", NULL, "none named: `functions` beside a definition that is run");
    for (size_t i = 0; i < functions->count; i++)
        check_functions(doctor, functions->list[i]);
    if (buckets && (!is_directory(buckets) || access(buckets, W_OK)))
        doctor_say(doctor, FINDING_FAULT, "buckets", "make it, or name another one with --buckets",
                   "%s is no directory that can be written to", buckets);
    else if (buckets)
        doctor_say(doctor, FINDING_OK, "buckets", NULL, "%s", buckets);
}

/* --- limits of the process ----------------------------------------------------------------------------------- */

static void check_limits(struct doctor *doctor)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files))
        return;
    if (files.rlim_max < DESCRIPTORS_LOW) /* `serve` raises its own limit that far */
        doctor_say(doctor, FINDING_WARNING, "descriptors", "raise it with ulimit -Hn, or LimitNOFILE= of systemd",
                   "a process may open %llu files: each connection and each handler takes some",
                   (unsigned long long)files.rlim_max);
    else
        doctor_say(doctor, FINDING_OK, "descriptors", NULL, "a process may open %llu files",
                   (unsigned long long)files.rlim_max);
}

void doctor_check_local(struct doctor *doctor)
{
    check_configuration(doctor);
    check_store(doctor);
    check_directories(doctor);
    check_mock(doctor);
    check_limits(doctor);
}
