/* activity.c - activities, documents under their ARN, and their workers (reference/api.md section 6). */
#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/service/machine.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_SECONDS = 60, POLLERS_MAX = 1000 };

static struct json_object *created_answer(struct service_call *call, struct json_object *activity)
{
    char *arn = service_arn(call->service, "activity:%s", json_member_text(activity, "name"));
    struct json_object *output = json_object_new_object();
    json_add_text(output, "activityArn", arn);
    json_add(output, "creationDate", api_time(json_member_int(activity, "createdMs", 0)));
    free(arn);
    return output;
}

/* What was given, or what then holds. False: the call has failed. */
static bool read_encryption(struct service_call *call, struct json_object **ret_encryption)
{
    if (!encryption_read(call, ret_encryption))
        return false;
    if (*ret_encryption == NULL) {
        *ret_encryption = json_object_new_object();
        json_add_text(*ret_encryption, "type", "AWS_OWNED_KEY");
    }
    return true;
}

void create_activity(struct service_call *call)
{
    const char *name = call_text(call, "name");
    AUTO_JSON struct json_object *encryption = NULL;
    if (!call_name(call, name) || !read_encryption(call, &encryption))
        return;
    AUTO_JSON struct json_object *activity = NULL;
    struct err err = {0};
    char *arn = service_arn(call->service, "activity:%s", name);
    int code = record_read(call->service, "activity", arn, &activity, NULL, &err);
    struct json_object *tags;
    if (code == 0) {
        struct json_object *kept = NULL;
        json_member(activity, "encryptionConfiguration", &kept);
        if (json_same(kept, encryption))
            call_succeed(call, created_answer(call, activity));
        else
            call_fail(call, "ActivityAlreadyExists", "Activity already exists: '%s'", arn);
    } else if (code != ERR_NOT_FOUND) {
        call_fail_internal(call, code, &err);
    } else if (call_merge_tags(call, arn, NULL, &tags)) {
        activity = json_object_new_object();
        json_add_text(activity, "name", name);
        json_add_int(activity, "createdMs", engine_now_ms(call->service->engine));
        json_add(activity, "encryptionConfiguration", json_object_get(encryption));
        json_add(activity, "tags", tags);
        record_put(call, "activity", arn, activity, 0);
        call_commit_and_succeed(call, created_answer(call, activity));
    }
    free(arn);
}

void delete_activity(struct service_call *call)
{
    struct arn arn;
    if (!call_arn(call, "activityArn", ANY_ACTIVITY, &arn))
        return;
    if (service_owns_arn(call->service, &arn))
        store_batch_delete_document(engine_batch(call->service->engine), "activity", call_text(call, "activityArn"));
    call_commit_and_succeed(call, NULL);
}

/* Reads the activity that the input names; false: the call has failed. */
static bool read_activity(struct service_call *call, struct json_object **ret_activity)
{
    struct arn arn;
    struct err err = {0};
    if (!call_arn(call, "activityArn", ANY_ACTIVITY, &arn))
        return false;
    int code = ERR_NOT_FOUND;
    if (service_owns_arn(call->service, &arn))
        code = record_read(call->service, "activity", call_text(call, "activityArn"), ret_activity, NULL, &err);
    if (code == ERR_NOT_FOUND)
        call_fail(call, "ActivityDoesNotExist", "Activity Does Not Exist: '%s'", call_text(call, "activityArn"));
    else if (code < 0)
        call_fail_internal(call, code, &err);
    return code == 0;
}

void describe_activity(struct service_call *call)
{
    AUTO_JSON struct json_object *activity = NULL;
    struct json_object *encryption = NULL;
    if (!read_activity(call, &activity))
        return;
    struct json_object *output = created_answer(call, activity);
    json_add_text(output, "name", json_member_text(activity, "name"));
    json_member(activity, "encryptionConfiguration", &encryption);
    json_add(output, "encryptionConfiguration", json_object_get(encryption));
    call_succeed(call, output);
}

static struct json_object *list_activity(struct service_call *call, const char *key, struct json_object *activity)
{
    (void)key;
    struct json_object *item = created_answer(call, activity);
    json_add_text(item, "name", json_member_text(activity, "name"));
    return item;
}

void list_activities(struct service_call *call)
{
    call_page_of_documents(call, "activity", "activities", list_activity);
}

/* --- GetActivityTask: a poll that the engine answers, or that ends after a minute ------------------------ */

struct polling {
    struct engine *engine;
    struct activity_poll *poll; /* NULL once it is over */
    struct event *timer;
};

static void polling_release(void *waiting)
{
    struct polling *polling = waiting;
    if (polling->poll)
        engine_poll_cancel(polling->engine, polling->poll);
    if (polling->timer)
        event_free(polling->timer);
    free(polling);
}

static void poll_ended(struct service_call *call, const char *token, const char *input)
{
    struct json_object *output = json_object_new_object();
    if (token) {
        json_add_text(output, "taskToken", token);
        json_add_text(output, "input", input);
    }
    call_succeed(call, output);
}

static void task_came(void *context, const char *token, const char *input)
{
    struct service_call *call = context;
    struct polling *polling = call->waiting;
    polling->poll = NULL;
    poll_ended(call, token, input);
}

static void nothing_came(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    poll_ended(context, NULL, NULL);
}

static void poll_cancelled(struct service_call *call)
{
    (void)call; /* releasing the call cancels the poll */
}

void get_activity_task(struct service_call *call)
{
    AUTO_JSON struct json_object *activity = NULL;
    struct engine *engine = call->service->engine;
    const char *arn = call_text(call, "activityArn");
    if (!read_activity(call, &activity))
        return;
    if (engine_poll_count(engine, arn) >= POLLERS_MAX) {
        call_fail(call, "ActivityWorkerLimitExceeded", "Too many workers are polling the activity '%s'", arn);
        return;
    }
    struct polling *polling = NEW(struct polling);
    polling->engine = engine;
    call->waiting = polling;
    call->release = polling_release;
    call->cancel = poll_cancelled;
    struct activity_poll *poll = engine_poll_activity(engine, arn, call_text(call, "workerName"), task_came, call);
    if (call->answered)
        return;
    polling->poll = poll;
    polling->timer = event_new(engine_base(engine), -1, 0, nothing_came, call);
    event_add(polling->timer, &(struct timeval){.tv_sec = POLL_SECONDS});
}
