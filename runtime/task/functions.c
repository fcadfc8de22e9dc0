#include "config.h"

#include "runtime/task/functions.h"

#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "runtime/task/functions_priv.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>

static struct functions *of(struct connector *connector)
{
    return (struct functions *)connector;
}

int64_t functions_now_ms(const struct functions *all)
{
    struct timeval now;
    event_base_gettimeofday_cached(all->base, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_usec / 1000;
}

/* --- functions by name ------------------------------------------------------------------------ */

static struct function **bucket(struct functions *all, const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return &all->buckets[hash % FUNCTIONS_BUCKETS];
}

static void on_timeout(evutil_socket_t fd, short what, void *context);

static struct function *new_function(struct functions *all, const char *name, struct function_settings settings)
{
    struct function **place = bucket(all, name);
    struct function *function = NEW(struct function);
    function->next = *place;
    function->all = all;
    function->name = mem_strdup(name);
    function->settings = settings;
    function->mode = settings.mode == FUNCTION_LINES ? &function_lines_mode : &function_command_mode;
    TAILQ_INIT(&function->queue);
    TAILQ_INIT(&function->at_work);
    if (settings.timeout_ms > 0)
        function->timeout = event_new(all->base, -1, 0, on_timeout, function);
    *place = function;
    return function;
}

struct function *functions_known(struct functions *all, const char *name)
{
    struct function *function = *bucket(all, name);
    while (function && strcmp(function->name, name) != 0)
        function = function->next;
    return function;
}

/* What is found stays; what is not is looked for again the next time. */
static int find_function(struct functions *all, const char *name, struct function **ret_function, struct err *err)
{
    *ret_function = functions_known(all, name);
    if (*ret_function)
        return 0;
    struct function_settings settings;
    int code = function_settings_find(&all->options, name, &settings, err);
    if (code == 0)
        *ret_function = new_function(all, name, settings);
    return code;
}

static void free_function(struct function *function)
{
    if (function->timeout)
        event_free(function->timeout);
    function_settings_release(&function->settings);
    free(function->name);
    free(function);
}

/* --- turns of the loop ------------------------------------------------------------------------ */

void functions_wake(struct functions *all)
{
    event_active(all->turn, EV_TIMEOUT, 1);
}

/* Those that have no process at all come first. */
static void wait_for_room(struct function *function)
{
    struct functions *all = function->all;
    if (function->waiting)
        return;
    if (function->processes == 0)
        TAILQ_INSERT_HEAD(&all->waiting, function, waiting_link);
    else
        TAILQ_INSERT_TAIL(&all->waiting, function, waiting_link);
    function->waiting = true;
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct functions *all = context;
    struct function *function;
    struct function_list now;
    TAILQ_INIT(&now);
    TAILQ_CONCAT(&now, &all->waiting, waiting_link);
    while ((function = TAILQ_FIRST(&now)) != NULL) {
        TAILQ_REMOVE(&now, function, waiting_link);
        function->waiting = false;
        function->mode->pump(function);
        if (!TAILQ_EMPTY(&function->queue))
            wait_for_room(function);
    }
}

static void on_room(void *context)
{
    struct functions *all = context;
    if (!TAILQ_EMPTY(&all->waiting))
        functions_wake(all);
}

/* Asks the other functions for a process; its end will wake us. */
static bool ask_for_room(struct functions *all, const struct function *wanting, bool busy_too)
{
    for (size_t i = 0; i < FUNCTIONS_BUCKETS; i++)
        for (struct function *other = all->buckets[i]; other; other = other->next)
            if (other != wanting && (busy_too || TAILQ_EMPTY(&other->queue)) && other->mode->give_back(other, busy_too))
                return true;
    return false;
}

bool functions_room(struct functions *all, const struct function *wanting)
{
    if (all->processes.count < all->options.processes_max)
        return true;
    if (!ask_for_room(all, wanting, false) && wanting->processes == 0)
        ask_for_room(all, wanting, true);
    return false;
}

/* Calls start in order and have the same time each, so the first is due first. */
static void on_timeout(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct function *function = context;
    int64_t now_ms = functions_now_ms(function->all);
    struct call *call;
    while ((call = TAILQ_FIRST(&function->at_work)) != NULL) {
        int64_t left_ms = call->started_ms + function->settings.timeout_ms - now_ms;
        if (left_ms > 0) {
            struct timeval wait = {left_ms / 1000, (left_ms % 1000) * 1000};
            event_add(function->timeout, &wait);
            break;
        }
        function->mode->abandon(call);
        call_timed_out(call);
    }
}

static void on_log(void *context, const char *name, const char *line)
{
    struct functions *all = context;
    if (all->options.log)
        all->options.log(all->options.log_context, name, line);
}

/* --- the connector ---------------------------------------------------------------------------- */

bool functions_invoked(const struct resource *resource)
{
    return resource->kind == RESOURCE_SERVICE && strcmp(resource->service, "lambda") == 0 &&
           strcmp(resource->operation, "invoke") == 0 &&
           (resource->pattern == PATTERN_REQUEST_RESPONSE || resource->pattern == PATTERN_CALLBACK);
}

static bool functions_accepts(struct connector *connector, const struct task *task)
{
    (void)connector;
    return task->resource->kind == RESOURCE_FUNCTION || functions_invoked(task->resource);
}

bool function_name_read(const char *text, char name[FUNCTION_NAME_CHARS_MAX + 1])
{
    const char *marker = strstr(text, "function:");
    const char *start = marker && marker > text && marker[-1] == ':' ? marker + strlen("function:") : text;
    size_t bytes = strcspn(start, ":");
    if (!function_name_valid(start, bytes))
        return false;
    memcpy(name, start, bytes);
    name[bytes] = '\0';
    return true;
}

/* Takes over the cause. */
static void refuse(struct functions *all, struct task *task, const char *error, char *cause)
{
    deferred_add(&all->refused, task, &(struct task_report){.kind = TASK_FAILED, .error = error, .cause = cause});
    free(cause);
}

/* lambda:invoke's parameters: which function, and with what. False where they have been refused. */
static bool read_invoke(struct functions *all, struct task *task, const char **ret_function_name,
                        struct json_object **ret_payload)
{
    struct json_object *payload;
    const char *type = json_member_text(task->input, "InvocationType");
    *ret_function_name = json_member_text(task->input, "FunctionName");
    if (*ret_function_name == NULL) {
        refuse(all, task, "States.Runtime",
               mem_strdup("The Parameters of lambda:invoke have no FunctionName that is a text"));
        return false;
    }
    if (type && strcmp(type, "RequestResponse") != 0) {
        refuse(all, task, "States.Runtime",
               mem_printf("The InvocationType '%.100s' is not supported for local functions, only RequestResponse is",
                          type));
        return false;
    }
    *ret_payload = json_member(task->input, "Payload", &payload) ? json_object_get(payload) : json_object_new_object();
    return true;
}

static void start_call(struct functions *all, struct task *task, const char *function_name, struct json_object *payload)
{
    struct function *function = NULL;
    struct err err = {0};
    char name[FUNCTION_NAME_CHARS_MAX + 1];
    bool named = function_name_read(function_name, name);
    int code = named ? find_function(all, name, &function, &err)
                     : err_set(&err, ERR_NOT_FOUND, "that cannot be the name of a function");
    if (code == ERR_NOT_FOUND) {
        refuse(all, task, "Lambda.ResourceNotFoundException",
               describe_missing(all, task, named ? name : function_name, err.message));
    } else if (code != 0) {
        refuse(all, task, "Lambda.Unknown",
               mem_printf("%s%s%s%s%s", err.where, err.where[0] ? ": " : "", err.message, err.hint[0] ? "; " : "",
                          err.hint));
    } else {
        call_queue(function, task, json_object_get(payload));
        wait_for_room(function);
        functions_wake(all);
    }
}

static void functions_start(struct connector *connector, struct task *task)
{
    struct functions *all = of(connector);
    AUTO_JSON struct json_object *payload = NULL;
    const char *function_name = task->resource->name;
    task->connector_data = NULL;
    if (task->resource->kind == RESOURCE_FUNCTION)
        payload = json_object_get(task->input);
    else if (!read_invoke(all, task, &function_name, &payload))
        return;
    start_call(all, task, function_name, payload);
}

static void functions_cancel(struct connector *connector, struct task *task)
{
    struct call *call = task->connector_data;
    if (call == NULL) { /* refused; or invoked with a token, and has answered long ago */
        deferred_cancel(&of(connector)->refused, task);
        return;
    }
    if (call->place)
        call->function->mode->abandon(call);
    call_drop(call);
}

static void drop_all(struct call_list *calls)
{
    struct call *call;
    while ((call = TAILQ_FIRST(calls)) != NULL)
        call_drop(call);
}

static void functions_close(struct connector *connector, int grace_ms)
{
    struct functions *all = of(connector);
    for (size_t i = 0; i < FUNCTIONS_BUCKETS; i++) {
        for (struct function *function = all->buckets[i]; function; function = function->next) {
            drop_all(&function->queue);
            drop_all(&function->at_work);
            function->mode->release(function);
        }
    }
    deferred_release(&all->refused);
    process_table_close(&all->processes, grace_ms);

    for (size_t i = 0; i < FUNCTIONS_BUCKETS; i++) {
        for (struct function *function = all->buckets[i], *next; function; function = next) {
            next = function->next;
            free_function(function);
        }
    }
    struct call *call;
    while ((call = TAILQ_FIRST(&all->spare)) != NULL) {
        TAILQ_REMOVE(&all->spare, call, link);
        free(call);
    }
    for (char **directory = all->directories; *directory; directory++)
        free(*directory);
    free(all->directories);
    json_object_put(all->options.configuration);
    json_object_put(all->http_metadata);
    event_free(all->turn);
    free(all);
}

static const struct connector_ops functions_ops = {.name = "functions",
                                                   .accepts = functions_accepts,
                                                   .start = functions_start,
                                                   .cancel = functions_cancel,
                                                   .close = functions_close};

/* The folders as absolute paths, for handlers that are started in another folder. */
static int open_directories(const struct functions_options *options, char ***ret_directories, struct err *err)
{
    char **directories = mem_zalloc((options->directory_count + 1) * sizeof *directories);
    for (size_t i = 0; i < options->directory_count; i++) {
        directories[i] = realpath(options->directories[i], NULL);
        if (directories[i] == NULL) {
            for (size_t done = 0; done < i; done++)
                free(directories[done]);
            free(directories);
            return err_set(err, ERR_NOT_FOUND, "there is no functions directory \"%s\"", options->directories[i]);
        }
    }
    *ret_directories = directories;
    return 0;
}

/* What AWS answers around a payload, as far as it means anything here. */
static struct json_object *make_http_metadata(void)
{
    static const char text[] = "{\"AllHttpHeaders\":{\"X-Amz-Executed-Version\":[\"$LATEST\"],"
                               "\"Content-Type\":[\"application/json\"]},"
                               "\"HttpHeaders\":{\"Content-Type\":\"application/json\","
                               "\"X-Amz-Executed-Version\":\"$LATEST\"},\"HttpStatusCode\":200}";
    struct json_object *metadata = NULL;
    json_parse(text, sizeof text - 1, &metadata, NULL);
    return metadata;
}

int functions_open(struct event_base *base, const struct functions_options *options, struct connector **ret_connector,
                   struct err *err)
{
    char **directories = NULL;
    struct functions_options kept = *options;
    if (kept.processes_max <= 0)
        kept.processes_max = FUNCTIONS_PROCESSES_MAX;
    if (kept.output_bytes_max == 0)
        kept.output_bytes_max = FUNCTIONS_OUTPUT_BYTES_MAX;
    int code = function_settings_check(&kept, err);
    if (code == 0)
        code = open_directories(options, &directories, err);
    if (code != 0)
        return code;
    signal(SIGPIPE, SIG_IGN); /* a handler that has closed its stdin is an EPIPE to us, no more */

    struct functions *all = NEW(struct functions);
    all->connector.ops = &functions_ops;
    all->directories = directories;
    kept.directories = (const char *const *)directories;
    json_object_get(kept.configuration);
    all->options = kept;
    all->base = base;
    all->processes.base = base;
    all->processes.room = on_room;
    all->processes.log = on_log;
    all->processes.context = all;
    process_table_init(&all->processes);
    all->turn = event_new(base, -1, 0, on_turn, all);
    TAILQ_INIT(&all->waiting);
    deferred_init(&all->refused, base);
    TAILQ_INIT(&all->spare);
    all->http_metadata = make_http_metadata();
    if (getrandom(all->random, sizeof all->random, 0) != sizeof all->random)
        all->random[0] = (uint64_t)functions_now_ms(all);
    *ret_connector = &all->connector;
    return 0;
}
