#include "runtime/service/service.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/service/model.h"
#include "runtime/service/service_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 20 }; /* of one operation that others keep overtaking */

static const struct operation operations[] = {
#define OPERATION(name, function, access) {name, function, access},
#include "runtime/service/operations.def"
#undef OPERATION
};

static int compare_names(const void *name, const void *operation)
{
    return strcmp(name, ((const struct operation *)operation)->name);
}

static const struct operation *operation_find(const char *name)
{
    return bsearch(name, operations, sizeof operations / sizeof operations[0], sizeof operations[0], compare_names);
}

enum service_access service_access_of(const char *operation)
{
    const struct operation *found = operation_find(operation);
    return found ? found->access : SERVICE_UNKNOWN;
}

int service_open(const struct service_options *options, struct service **ret_service, struct err *err)
{
    struct store *store = engine_store(options->engine);
    if (store == NULL)
        return err_set(err, ERR_INVALID, "the API needs a store to keep state machines in");
    struct service *service = NEW(struct service);
    service->options = *options;
    service->engine = options->engine;
    service->store = store;
    service->arn_prefix =
        mem_printf("arn:aws:states:%s:%s:", engine_region(options->engine), engine_account(options->engine));
    *ret_service = service;
    return 0;
}

/* --- the life of a call ---------------------------------------------------------------------------- */

static void service_free(struct service *service)
{
    for (size_t i = 0; i < REDRIVE_TOKENS; i++) {
        free(service->redrive_tokens[i].arn);
        free(service->redrive_tokens[i].token);
    }
    record_cache_release(service);
    free(service->arn_prefix);
    free(service);
}

static void call_free(struct service_call *call)
{
    struct service *service = call->service;
    if (call->previous)
        call->previous->next = call->next;
    else
        service->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    if (call->release)
        call->release(call->waiting);
    json_object_put(call->input);
    json_object_put(call->output);
    free(call->text);
    free(call);
    if (service->closing && service->calls == NULL)
        service_free(service);
}

void service_close(struct service *service)
{
    if (service == NULL)
        return;
    struct service_call *next;
    for (struct service_call *call = service->calls; call; call = next) {
        next = call->next;
        service_cancel(service, call);
    }
    if (service->calls == NULL)
        service_free(service);
    else
        service->closing = true;
}

struct service_call *service_call_asked(struct service *service, const char *operation, struct json_object *input,
                                        bool again, service_carried_out_fn *carried_out, service_answer_fn *answer,
                                        void *context)
{
    struct service_call *call = NEW(struct service_call);
    call->service = service;
    call->operation = operation_find(operation);
    call->input = json_object_get(input);
    call->again = again;
    call->carried_out = carried_out;
    call->answer = answer;
    call->context = context;
    call->next = service->calls;
    if (call->next)
        call->next->previous = call;
    service->calls = call;

    call->starting = true;
    const struct model_operation *model = model_operation_find(operation);
    char *message = NULL;
    enum model_verdict verdict =
        model ? model_check(model->shape, input, engine_payload_max(service->engine), &message) : MODEL_OK;
    if (call->operation == NULL || model == NULL)
        call_fail(call, "UnknownOperationException", "The requested operation does not exist.");
    else if (verdict == MODEL_MALFORMED)
        call_fail(call, "SerializationException", "%s", message);
    else if (verdict == MODEL_VIOLATED)
        call_fail(call, "ValidationException", "%s", message);
    else
        call->operation->run(call);
    free(message);
    call->starting = false;
    if (!call->answered)
        return call;
    call_free(call);
    return NULL;
}

struct service_call *service_call(struct service *service, const char *operation, struct json_object *input,
                                  service_answer_fn *answer, void *context)
{
    return service_call_asked(service, operation, input, false, NULL, answer, context);
}

void call_carried_out(struct service_call *call)
{
    if (call->carried_out && !call->cancelled)
        call->carried_out(call->context);
}

void service_cancel(struct service *service, struct service_call *call)
{
    (void)service;
    call->cancelled = true;
    if (call->cancel) {
        call->cancel(call);
        call_free(call);
    }
}

static void finish(struct service_call *call, const struct service_answer *answer)
{
    call->answered = true;
    if (!call->cancelled)
        call->answer(call->context, answer);
    if (!call->starting)
        call_free(call);
}

void call_succeed(struct service_call *call, struct json_object *output)
{
    if (output == NULL)
        output = json_object_new_object();
    finish(call, &(struct service_answer){.http_status = 200, .output = output});
    json_object_put(output);
}

void call_succeed_text(struct service_call *call, const struct buf *text)
{
    finish(call,
           &(struct service_answer){.http_status = 200, .output_text = buf_text(text), .output_bytes = text->bytes});
}

/* The API reference has 400 for all errors but these. */
static int http_status_of(const char *error)
{
    if (strcmp(error, "ConflictException") == 0)
        return 409;
    if (strcmp(error, "ServiceQuotaExceededException") == 0)
        return 402;
    if (strcmp(error, "UnknownOperationException") == 0)
        return 404;
    if (strcmp(error, "ServiceUnavailable") == 0)
        return 503;
    return strcmp(error, "InternalFailure") == 0 ? 500 : 400;
}

static void fail(struct service_call *call, const char *error, struct json_object *members, const char *format,
                 va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *message = mem_alloc((size_t)length + 1);
    vsnprintf(message, (size_t)length + 1, format, again);
    va_end(again);
    finish(call, &(struct service_answer){
                     .error = error, .message = message, .http_status = http_status_of(error), .output = members});
    free(message);
}

void call_fail(struct service_call *call, const char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail(call, error, NULL, format, args);
    va_end(args);
}

void call_fail_with(struct service_call *call, const char *error, const char *member, const char *value,
                    const char *format, ...)
{
    AUTO_JSON struct json_object *members = json_object_new_object();
    json_add_text(members, member, value);
    va_list args;
    va_start(args, format);
    fail(call, error, members, format, args);
    va_end(args);
}

void call_answer(struct service_call *call, struct json_object *answer)
{
    const char *error = json_member_text(answer, "error");
    const char *message = json_member_text(answer, "message");
    struct json_object *output = NULL;
    json_member(answer, "output", &output);
    if (error == NULL)
        call_succeed(call, json_object_get(output));
    else
        finish(call, &(struct service_answer){.error = error,
                                              .message = message ? message : "",
                                              .http_status = http_status_of(error),
                                              .output = output});
}

void call_fail_internal(struct service_call *call, int code, const struct err *err)
{
    struct service *service = call->service;
    const char *what = err && err->message[0] ? err->message : err_code_name((enum err_code)code);
    if (service->options.log) {
        char *line = mem_printf("%s failed: %s", call->operation->name, what);
        service->options.log(service->options.log_context, 3, line);
        free(line);
    }
    if (code == ERR_BUSY || code == ERR_FENCED)
        call_fail(call, "ServiceUnavailable", "%s", what);
    else
        call_fail(call, "InternalFailure", "%s", what);
}

/* --- commits ----------------------------------------------------------------------------------------- */

static void committed(void *context, int code, const struct err *err)
{
    struct service_call *call = context;
    if (code != 0) {
        call_fail_internal(call, code, err);
        return;
    }
    if (!call->conflict) {
        call->then(call);
        return;
    }
    call->conflict = false;
    json_release(&call->output);
    if (++call->runs < RUNS_MAX)
        call->operation->run(call);
    else
        call_fail(call, "ConflictException", "The resource is being changed by other requests.");
}

void call_commit(struct service_call *call, operation_fn *then)
{
    call->then = then;
    engine_on_commit(call->service->engine, committed, call);
}

static void succeed_with_output(struct service_call *call)
{
    call_succeed(call, json_take(&call->output));
}

void call_commit_and_succeed(struct service_call *call, struct json_object *output)
{
    json_object_put(call->output);
    call->output = output;
    call_commit(call, succeed_with_output);
}

/* --- input and output ---------------------------------------------------------------------------------- */

const char *call_text(const struct service_call *call, const char *name)
{
    return json_member_text(call->input, name);
}

bool call_flag(const struct service_call *call, const char *name, bool otherwise)
{
    struct json_object *value;
    return json_member(call->input, name, &value) && value ? json_object_get_boolean(value) : otherwise;
}

bool call_wants_data(const struct service_call *call)
{
    const char *included = call_text(call, "includedData");
    return included == NULL || strcmp(included, "METADATA_ONLY") != 0;
}

int64_t call_int(const struct service_call *call, const char *name, int64_t otherwise)
{
    return json_member_int(call->input, name, otherwise);
}

bool call_arn(struct service_call *call, const char *member, unsigned kinds, struct arn *ret_arn)
{
    struct err err;
    if (arn_parse(call_text(call, member), ret_arn, &err) < 0) {
        call_fail(call, "InvalidArn", "Invalid Arn: '%s'", err.message);
        return false;
    }
    if ((kinds & 1U << ret_arn->kind) == 0) {
        call_fail(call, "InvalidArn", "Invalid Arn: 'Resource type not valid in this context: %s'",
                  arn_kind_name(ret_arn->kind));
        return false;
    }
    return true;
}

bool service_owns_arn(const struct service *service, const struct arn *arn)
{
    return strcmp(arn->region, engine_region(service->engine)) == 0 &&
           strcmp(arn->account, engine_account(service->engine)) == 0;
}

char *service_arn(const struct service *service, const char *format, ...)
{
    char resource[ARN_BYTES_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(resource, sizeof resource, format, args);
    va_end(args);
    return service_arn_of(service, (const char *const[]){resource, NULL});
}

char *service_arn_of(const struct service *service, const char *const parts[])
{
    char arn[2 * ARN_BYTES_MAX];
    size_t bytes = strlen(service->arn_prefix);
    memcpy(arn, service->arn_prefix, bytes);
    for (; *parts; parts++) {
        size_t part = strlen(*parts);
        if (part > sizeof arn - bytes)
            part = sizeof arn - bytes;
        memcpy(arn + bytes, *parts, part);
        bytes += part;
    }
    return mem_strndup(arn, bytes);
}

bool call_name(struct service_call *call, const char *name)
{
    if (arn_name_valid(name, strlen(name)))
        return true;
    call_fail(call, "InvalidName", "Invalid Name: '%s'", name);
    return false;
}

void api_write_time(struct buf *out, int64_t ms)
{
    char fraction[] = {'.', (char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10)};
    buf_add_int(out, ms / 1000);
    buf_add(out, fraction, sizeof fraction);
}

void api_write_text(struct buf *out, const char *name, const char *text)
{
    if (text == NULL)
        return;
    buf_add(out, ",\"", 2);
    buf_add_text(out, name);
    buf_add(out, "\":", 2);
    json_write_string(out, text, strlen(text));
}

struct json_object *api_time(int64_t ms)
{
    char text[32];
    snprintf(text, sizeof text, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
    return json_object_new_double_s((double)ms / 1000, text);
}

struct json_object *api_float(double number)
{
    char text[40];
    size_t bytes = json_format_double(number, text);
    if (strpbrk(text, ".eE") == NULL)
        snprintf(text + bytes, sizeof text - bytes, ".0");
    return json_object_new_double_s(number, text);
}
