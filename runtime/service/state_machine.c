/* state_machine.c - Create-, Update-, Delete-, Describe- and ListStateMachine(s) (reference/api.md section 4). */
#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/service/machine.h"
#include "runtime/uuid.h"

#include <stdlib.h>
#include <string.h>

/* --- configurations ---------------------------------------------------------------------------------- */

/* arn:PARTITION:logs:REGION:ACCOUNT:log-group:NAME:* is what AWS wants. */
static const char *log_destination_fault(struct json_object *destination)
{
    enum { RESOURCE = 5 };
    struct json_object *group = NULL;
    json_member(destination, "cloudWatchLogsLogGroup", &group);
    const char *arn = json_member_text(group, "logGroupArn");
    const char *parts[RESOURCE + 1] = {arn};
    for (int i = 1; i <= RESOURCE; i++) {
        const char *colon = parts[i - 1] ? strchr(parts[i - 1], ':') : NULL;
        parts[i] = colon ? colon + 1 : NULL;
    }
    if (arn == NULL || strncmp(arn, "arn:", strlen("arn:")) != 0)
        return "Must set valid CloudWatch Log Group ARN.";
    if (parts[RESOURCE] == NULL || strncmp(parts[2], "logs:", strlen("logs:")) != 0 ||
        strncmp(parts[RESOURCE], "log-group:", strlen("log-group:")) != 0)
        return "Provided ARN is not CloudWatch Logs Log Group ARN.";
    return strcmp(arn + strlen(arn) - 2, ":*") == 0 ? NULL : "Log Group ARN must be provided with '*' qualifier.";
}

/* Checks the input's logging configuration and completes it: NULL ret_logging where none was given. */
static bool read_logging(struct service_call *call, struct json_object **ret_logging)
{
    struct json_object *given = NULL, *destinations = NULL;
    *ret_logging = NULL;
    json_member(call->input, "loggingConfiguration", &given);
    if (given == NULL)
        return true;
    json_member(given, "destinations", &destinations);
    const char *level = json_member_text(given, "level");
    bool on = level && strcmp(level, "OFF") != 0;
    size_t count = destinations ? json_object_array_length(destinations) : 0;
    const char *fault = count > 1 || (count == 0 && on) ? "Must specify exactly one Log Destination." : NULL;
    if (fault == NULL && on)
        fault = log_destination_fault(json_object_array_get_idx(destinations, 0));
    if (fault) {
        call_fail(call, "InvalidLoggingConfiguration", "Invalid Logging Configuration: %s", fault);
        return false;
    }
    struct json_object *logging = json_object_new_object();
    if (count)
        json_add(logging, "destinations", json_object_get(destinations));
    struct json_object *include = NULL;
    json_member(given, "includeExecutionData", &include);
    json_add_bool(logging, "includeExecutionData", json_object_get_boolean(include));
    json_add_text(logging, "level", level ? level : "OFF");
    *ret_logging = logging;
    return true;
}

static struct json_object *read_tracing(struct service_call *call)
{
    struct json_object *given = NULL, *enabled = NULL;
    if (!json_member(call->input, "tracingConfiguration", &given) || given == NULL)
        return NULL;
    json_member(given, "enabled", &enabled);
    struct json_object *tracing = json_object_new_object();
    json_add_bool(tracing, "enabled", json_object_get_boolean(enabled));
    return tracing;
}

/* The part of a revision that an input gives; each may be NULL where it gives none. */
struct revision_input {
    bool has_definition;
    char definition_key[65];
    const char *role_arn;
    struct json_object *logging, *tracing, *encryption;
};

static void revision_input_release(struct revision_input *revision)
{
    json_object_put(revision->logging);
    json_object_put(revision->tracing);
    json_object_put(revision->encryption);
}

/* arn:PARTITION:iam::ACCOUNT:role/NAME */
static bool is_role_arn(const char *text)
{
    static const char service[] = ":iam::", role[] = ":role/";
    enum { ACCOUNT_DIGITS = 12 };
    const char *rest = strncmp(text, "arn:", 4) == 0 ? strchr(text + 4, ':') : NULL;
    if (rest == NULL || rest == text + 4 || strncmp(rest, service, strlen(service)) != 0)
        return false;
    const char *account = rest + strlen(service);
    return strspn(account, "0123456789") == ACCOUNT_DIGITS &&
           strncmp(account + ACCOUNT_DIGITS, role, strlen(role)) == 0 && account[ACCOUNT_DIGITS + strlen(role)];
}

static bool revision_input_read(struct service_call *call, bool express, struct revision_input *revision)
{
    *revision = (struct revision_input){.role_arn = call_text(call, "roleArn")};
    if (revision->role_arn && !is_role_arn(revision->role_arn)) {
        call_fail(call, "InvalidArn", "Invalid Role Arn: '%s'", revision->role_arn);
        return false;
    }
    if (call_text(call, "versionDescription") && !call_flag(call, "publish", false)) {
        call_fail(call, "ValidationException", "Version description can only be set when publish is true");
        return false;
    }
    const char *definition = call_text(call, "definition");
    revision->has_definition = definition != NULL;
    if (!read_logging(call, &revision->logging) || !encryption_read(call, &revision->encryption) ||
        (definition && !definition_accept(call, definition, express, revision->definition_key))) {
        revision_input_release(revision);
        return false;
    }
    revision->tracing = read_tracing(call);
    return true;
}

/* Sets a member and tells whether that changed anything; NULL leaves it alone. */
static bool change(struct json_object *record, const char *name, struct json_object *value)
{
    struct json_object *old = NULL;
    if (value == NULL || (json_member(record, name, &old) && json_same(old, value)))
        return false;
    json_add(record, name, json_object_get(value));
    return true;
}

static bool change_text(struct json_object *record, const char *name, const char *text)
{
    AUTO_JSON struct json_object *value = text ? json_object_new_string(text) : NULL;
    return change(record, name, value);
}

static bool revision_apply(struct json_object *record, const struct revision_input *revision)
{
    bool changed = change_text(record, "roleArn", revision->role_arn);
    if (revision->has_definition)
        changed |= change_text(record, "definitionKey", revision->definition_key);
    changed |= change(record, "loggingConfiguration", revision->logging);
    changed |= change(record, "tracingConfiguration", revision->tracing);
    changed |= change(record, "encryptionConfiguration", revision->encryption);
    return changed;
}

/* --- CreateStateMachine -------------------------------------------------------------------------------- */

static void add_version_arn(struct json_object *output, const char *machine, int64_t number)
{
    char *arn = mem_printf("%s:%lld", machine, (long long)number);
    json_add_text(output, "stateMachineVersionArn", arn);
    free(arn);
}

static struct json_object *created_answer(struct service_call *call, struct json_object *machine)
{
    struct json_object *output = json_object_new_object();
    char *arn = machine_arn(call->service, machine);
    json_add_text(output, "stateMachineArn", arn);
    json_add(output, "creationDate", api_time(json_member_int(machine, "createdMs", 0)));
    if (call_flag(call, "publish", false))
        add_version_arn(output, arn, 1);
    free(arn);
    return output;
}

static void add_defaults(struct revision_input *revision)
{
    if (revision->logging == NULL) {
        revision->logging = json_object_new_object();
        json_add_bool(revision->logging, "includeExecutionData", false);
        json_add_text(revision->logging, "level", "OFF");
    }
    if (revision->tracing == NULL) {
        revision->tracing = json_object_new_object();
        json_add_bool(revision->tracing, "enabled", false);
    }
    if (revision->encryption == NULL) {
        revision->encryption = json_object_new_object();
        json_add_text(revision->encryption, "type", "AWS_OWNED_KEY");
    }
}

/* What CreateStateMachine compares when the name is taken; the role and the tags are not part of it. */
static bool same_creation(struct service_call *call, struct json_object *machine, const struct revision_input *revision)
{
    struct json_object *logging = NULL, *tracing = NULL, *encryption = NULL;
    json_member(machine, "loggingConfiguration", &logging);
    json_member(machine, "tracingConfiguration", &tracing);
    json_member(machine, "encryptionConfiguration", &encryption);
    struct json_object *first = json_object_array_get_idx(record_array(machine, "versions"), 0);
    struct json_object *published_flag = NULL;
    json_member(machine, "published", &published_flag);
    bool published = json_object_get_boolean(published_flag);
    const char *described = first ? json_member_text(first, "description") : NULL;
    const char *description = call_text(call, "versionDescription");
    return strcmp(json_member_text(machine, "definitionKey"), revision->definition_key) == 0 &&
           json_same(logging, revision->logging) && json_same(tracing, revision->tracing) &&
           json_same(encryption, revision->encryption) && published == call_flag(call, "publish", false) &&
           (!published || strcmp(described ? described : "", description ? description : "") == 0);
}

static void create_over(struct service_call *call, struct json_object *machine, const struct revision_input *revision)
{
    char *arn = machine_arn(call->service, machine);
    if (same_creation(call, machine, revision))
        call_succeed(call, created_answer(call, machine));
    else
        call_fail(call, "StateMachineAlreadyExists", "State Machine Already Exists: '%s'", arn);
    free(arn);
}

static void create_new(struct service_call *call, const char *name, const char *type,
                       const struct revision_input *revision)
{
    char *arn = service_arn(call->service, "stateMachine:%s", name);
    struct json_object *tags = NULL;
    bool tagged = call_merge_tags(call, arn, NULL, &tags);
    free(arn);
    if (!tagged)
        return;
    int64_t now = engine_now_ms(call->service->engine);
    AUTO_JSON struct json_object *machine = json_object_new_object();
    json_add_text(machine, "name", name);
    json_add_text(machine, "type", type);
    json_add_int(machine, "createdMs", now);
    json_add_int(machine, "updatedMs", now);
    revision_apply(machine, revision);
    json_add_bool(machine, "published", call_flag(call, "publish", false));
    json_add_int(machine, "lastVersion", 0);
    json_add(machine, "versions", json_object_new_array());
    json_add(machine, "aliases", json_object_new_array());
    json_add(machine, "tags", tags);
    if (call_flag(call, "publish", false))
        machine_publish(call, machine, call_text(call, "versionDescription"));
    machine_write(call, machine, 0);
    call_commit_and_succeed(call, created_answer(call, machine));
}

void create_state_machine(struct service_call *call)
{
    const char *name = call_text(call, "name");
    const char *type = call_text(call, "type");
    if (type == NULL)
        type = "STANDARD";
    struct revision_input revision;
    if (!call_name(call, name) || !revision_input_read(call, strcmp(type, "EXPRESS") == 0, &revision))
        return;
    add_defaults(&revision);
    AUTO_JSON struct json_object *existing = NULL;
    struct err err = {0};
    int code = record_read(call->service, "machine", name, &existing, NULL, &err);
    if (code == 0)
        create_over(call, existing, &revision);
    else if (code == ERR_NOT_FOUND)
        create_new(call, name, type, &revision);
    else
        call_fail_internal(call, code, &err);
    revision_input_release(&revision);
}

/* --- UpdateStateMachine -------------------------------------------------------------------------------- */

static bool updates_something(const struct service_call *call)
{
    static const char *const members[] = {"definition", "roleArn", "loggingConfiguration", "tracingConfiguration",
                                          "encryptionConfiguration"};
    struct json_object *value;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (json_member(call->input, members[i], &value) && value)
            return true;
    return false;
}

static void update(struct service_call *call, struct json_object *machine, int64_t record_version,
                   const struct revision_input *revision)
{
    int64_t now = engine_now_ms(call->service->engine);
    if (revision_apply(machine, revision)) {
        char id[37];
        uuid_random(id);
        json_add_text(machine, "revisionId", id);
    }
    json_add_int(machine, "updatedMs", now);

    struct json_object *output = json_object_new_object();
    json_add(output, "updateDate", api_time(now));
    if (json_member_text(machine, "revisionId"))
        json_add_text(output, "revisionId", json_member_text(machine, "revisionId"));
    if (call_flag(call, "publish", false)) {
        int64_t number = machine_publish(call, machine, call_text(call, "versionDescription"));
        if (number == 0) {
            json_object_put(output);
            call_fail(call, "ServiceQuotaExceededException", "The maximum number of versions is reached.");
            return;
        }
        char *arn = machine_arn(call->service, machine);
        add_version_arn(output, arn, number);
        free(arn);
    }
    machine_write(call, machine, record_version);
    call_commit_and_succeed(call, output);
}

void update_state_machine(struct service_call *call)
{
    struct arn arn;
    if (!call_arn(call, "stateMachineArn", ANY_MACHINE, &arn))
        return;
    if (!updates_something(call)) {
        call_fail(call, "MissingRequiredParameter",
                  "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be "
                  "specified");
        return;
    }
    if (arn.label) {
        machine_fail_labelled(call);
        return;
    }
    if (arn.qualifier) {
        machine_fail_missing(call, &arn);
        return;
    }
    AUTO_JSON struct json_object *machine = NULL;
    int64_t record_version;
    struct revision_input revision;
    if (!machine_read(call, &arn, &machine, &record_version) ||
        !revision_input_read(call, machine_is_express(machine), &revision))
        return;
    update(call, machine, record_version, &revision);
    revision_input_release(&revision);
}

/* --- DeleteStateMachine ---------------------------------------------------------------------------------- */

struct stopping {
    struct engine *engine;
    int64_t before_started_ms, before_id;
    int count;
};

static int stop_one(void *context, const struct store_execution *execution)
{
    struct stopping *stopping = context;
    stopping->before_started_ms = execution->started_ms;
    stopping->before_id = execution->id;
    stopping->count++;
    engine_stop_surely(stopping->engine, execution->arn);
    return 0;
}

/* The machine goes, and its executions end with it: in the same commit, or else by requests in it. */
static int stop_executions(struct service_call *call, struct err *err)
{
    enum { PAGE = 500 };
    struct stopping stopping = {.engine = call->service->engine};
    int code;
    do {
        stopping.count = 0;
        struct store_execution_query query = {.machine = call->text,
                                              .status = EXECUTION_RUNNING,
                                              .redriven = -1,
                                              .before_started_ms = stopping.before_started_ms,
                                              .before_id = stopping.before_id,
                                              .limit = PAGE};
        code = store_executions(call->service->store, &query, stop_one, &stopping, err);
    } while (code == 0 && stopping.count == PAGE);
    return code;
}

void delete_state_machine(struct service_call *call)
{
    struct arn arn;
    if (!call_arn(call, "stateMachineArn", ANY_MACHINE, &arn))
        return;
    if (arn.label) {
        machine_fail_labelled(call);
        return;
    }
    if (arn.qualifier) {
        call_fail(call, "ValidationException", "A version or an alias cannot be deleted with this operation.");
        return;
    }
    if (!service_owns_arn(call->service, &arn)) {
        call_succeed(call, NULL);
        return;
    }
    free(call->text);
    call->text = service_arn(call->service, "stateMachine:%s", arn.machine);
    struct err err;
    int code = stop_executions(call, &err);
    if (code != 0) {
        call_fail_internal(call, code, &err);
        return;
    }
    store_batch_delete_document(engine_batch(call->service->engine), "machine", arn.machine);
    call_commit_and_succeed(call, NULL);
}

/* --- DescribeStateMachine, ListStateMachines --------------------------------------------------------------- */

static void add_definition(struct service_call *call, struct json_object *output, struct json_object *revision)
{
    char *text = definition_text(call->service, json_member_text(revision, "definitionKey"));
    json_add_text(output, "definition", text ? text : "");
    free(text);
}

void describe_state_machine(struct service_call *call)
{
    struct arn arn;
    AUTO_JSON struct json_object *machine = NULL;
    if (!call_arn(call, "stateMachineArn", ANY_MACHINE, &arn) || !machine_read(call, &arn, &machine, NULL))
        return;
    struct json_object *revision = machine;
    if (arn.qualifier) {
        revision = arn_is_version(arn.qualifier) ? machine_version(machine, arn.qualifier, NULL) : NULL;
        if (revision == NULL) {
            machine_fail_missing(call, &arn);
            return;
        }
    }
    struct json_object *output = json_object_new_object();
    json_add_text(output, "stateMachineArn", call_text(call, "stateMachineArn"));
    json_add_text(output, "name", arn.machine);
    json_add_text(output, "status", "ACTIVE");
    json_add_text(output, "type", json_member_text(machine, "type"));
    json_add(output, "creationDate", api_time(json_member_int(revision, "createdMs", 0)));
    json_add_text(output, "roleArn", json_member_text(revision, "roleArn"));
    if (call_wants_data(call)) {
        add_definition(call, output, revision);
        revision_add_variables(call->service, output, revision);
    } else {
        json_add_text(output, "definition", "{}");
    }
    revision_add_configuration(output, revision);
    if (json_member_text(revision, "revisionId"))
        json_add_text(output, "revisionId", json_member_text(revision, "revisionId"));
    if (json_member_text(revision, "description"))
        json_add_text(output, "description", json_member_text(revision, "description"));
    if (arn.label)
        json_add_text(output, "label", arn.label);
    call_succeed(call, output);
}

static struct json_object *list_machine(struct service_call *call, const char *key, struct json_object *machine)
{
    struct json_object *item = json_object_new_object();
    char *arn = machine_arn(call->service, machine);
    json_add_text(item, "stateMachineArn", arn);
    free(arn);
    json_add_text(item, "name", key);
    json_add_text(item, "type", json_member_text(machine, "type"));
    json_add(item, "creationDate", api_time(json_member_int(machine, "createdMs", 0)));
    return item;
}

void list_state_machines(struct service_call *call)
{
    call_page_of_documents(call, "machine", "stateMachines", list_machine);
}
