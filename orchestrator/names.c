#include "config.h"

#include "orchestrator/names.h"

#include "orchestrator/client.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 1000 };

static bool is_arn(const char *name)
{
    return !strncmp(name, "arn:", 4);
}

static char *make_arn(struct client *client, const char *kind, const char *name)
{
    if (is_arn(name))
        return mem_strdup(name);
    return mem_printf("arn:aws:states:%s:%s:%s:%s", client_region(client), client_account(client), kind, name);
}

char *names_machine(struct client *client, const char *name)
{
    return make_arn(client, "stateMachine", name);
}

char *names_activity(struct client *client, const char *name)
{
    return make_arn(client, "activity", name);
}

/* --- listings ---------------------------------------------------------------------------------------- */

int names_list(struct client *client, const char *operation, struct json_object *input, const char *member, int limit,
               struct json_object **ret_list, struct client_error *error)
{
    AUTO_JSON struct json_object *list = json_object_new_array();
    AUTO_JSON struct json_object *request = json_shallow_copy(input);
    int result;

    for (;;) {
        AUTO_JSON struct json_object *page = NULL;
        struct json_object *items = NULL;
        int left = limit - (int)json_object_array_length(list);

        json_object_object_add(request, "maxResults", json_object_new_int(left < PAGE_MAX ? left : PAGE_MAX));
        if ((result = client_call(client, operation, request, &page, error)))
            return result;
        json_member(page, member, &items);
        for (size_t i = 0; items && i < json_object_array_length(items); i++)
            json_append(list, json_object_get(json_object_array_get_idx(items, i)));
        const char *token = json_member_text(page, "nextToken");
        if (!token || (int)json_object_array_length(list) >= limit)
            break;
        json_object_object_add(request, "nextToken", json_object_new_string(token));
    }
    *ret_list = json_take(&list);
    return 0;
}

static double started(struct json_object *execution)
{
    struct json_object *date = NULL;
    json_member(execution, "startDate", &date);
    return json_object_get_double(date);
}

static int newest_first(const void *a, const void *b)
{
    double first = started(*(struct json_object *const *)a);
    double second = started(*(struct json_object *const *)b);
    return (first < second) - (first > second);
}

static int executions_of(struct client *client, const char *machine_arn, const char *status, int limit,
                         struct json_object **ret_list, struct client_error *error)
{
    AUTO_JSON struct json_object *input = json_object_new_object();

    json_add_text(input, "stateMachineArn", machine_arn);
    if (status)
        json_add_text(input, "statusFilter", status);
    return names_list(client, "ListExecutions", input, "executions", limit, ret_list, error);
}

int names_executions(struct client *client, const char *machine_arn, const char *status, int limit,
                     struct json_object **ret_list, struct client_error *error)
{
    AUTO_JSON struct json_object *machines = NULL;
    AUTO_JSON struct json_object *nothing = json_object_new_object();
    AUTO_JSON struct json_object *all = json_object_new_array();
    int result;

    if (machine_arn)
        return executions_of(client, machine_arn, status, limit, ret_list, error);
    if ((result = names_list(client, "ListStateMachines", nothing, "stateMachines", INT32_MAX, &machines, error)))
        return result;
    for (size_t i = 0; i < json_object_array_length(machines); i++) {
        struct json_object *machine = json_object_array_get_idx(machines, i);
        const char *type = json_member_text(machine, "type");
        AUTO_JSON struct json_object *some = NULL;
        if (type && !strcmp(type, "EXPRESS"))
            continue; /* their executions are not kept */
        result = executions_of(client, json_member_text(machine, "stateMachineArn"), status, limit, &some, error);
        if (result && strcmp(error->name, "StateMachineDoesNotExist"))
            return result;
        for (size_t k = 0; !result && k < json_object_array_length(some); k++)
            json_append(all, json_object_get(json_object_array_get_idx(some, k)));
    }
    client_error_release(error);
    json_object_array_sort(all, newest_first);
    if (json_object_array_length(all) > (size_t)limit)
        json_object_array_del_idx(all, (size_t)limit, json_object_array_length(all) - (size_t)limit);
    *ret_list = json_take(&all);
    return 0;
}

/* --- executions ------------------------------------------------------------------------------------------- */

static int find_latest(struct client *client, const char *machine, char **ret_arn, struct client_error *error)
{
    AUTO_JSON struct json_object *list = NULL;
    char *machine_arn = machine ? names_machine(client, machine) : NULL;
    int result = names_executions(client, machine_arn, NULL, 1, &list, error);

    free(machine_arn);
    if (result)
        return result;
    if (!json_object_array_length(list))
        return err_set(&error->err, ERR_NOT_FOUND, "there is no execution yet");
    *ret_arn = mem_strdup(json_member_text(json_object_array_get_idx(list, 0), "executionArn"));
    return 0;
}

/* The name alone: the first machine that has an execution of that name. */
static int find_by_name(struct client *client, const char *name, char **ret_arn, struct client_error *error)
{
    AUTO_JSON struct json_object *machines = NULL;
    AUTO_JSON struct json_object *nothing = json_object_new_object();
    int result = names_list(client, "ListStateMachines", nothing, "stateMachines", INT32_MAX, &machines, error);

    for (size_t i = 0; !result && i < json_object_array_length(machines); i++) {
        AUTO_JSON struct json_object *input = json_object_new_object();
        AUTO_JSON struct json_object *execution = NULL;
        const char *machine = json_member_text(json_object_array_get_idx(machines, i), "name");
        char *arn = mem_printf("arn:aws:states:%s:%s:execution:%s:%s", client_region(client), client_account(client),
                               machine, name);
        json_add_text(input, "executionArn", arn);
        json_add_text(input, "includedData", "METADATA_ONLY");
        if (!client_call(client, "DescribeExecution", input, &execution, error)) {
            *ret_arn = arn;
            return 0;
        }
        free(arn);
        if (*error->name) /* none of this machine */
            client_error_release(error);
        else
            result = error->err.code;
    }
    if (result)
        return result;
    return err_set(&error->err, ERR_NOT_FOUND, "there is no execution \"%s\"", name);
}

int names_execution(struct client *client, const char *name, char **ret_arn, struct client_error *error)
{
    const char *colon = strchr(name, ':');

    if (!strcmp(name, "@latest"))
        return find_latest(client, NULL, ret_arn, error);
    if (!is_arn(name) && colon && !strcmp(colon + 1, "@latest")) {
        char *machine = mem_strndup(name, (size_t)(colon - name));
        int result = find_latest(client, machine, ret_arn, error);
        free(machine);
        return result;
    }
    if (!is_arn(name) && !colon)
        return find_by_name(client, name, ret_arn, error);
    *ret_arn = make_arn(client, "execution", name);
    return 0;
}
