#include "runtime/executor/result_writer.h"

#include "asl/base/buf.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/failure.h"
#include "runtime/executor/item_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char writer_failed[] = "States.ResultWriterFailed";

static bool has_succeeded(struct json_object *record)
{
    const char *status = json_member_text(record, "Status");
    return status && strcmp(status, "SUCCEEDED") == 0;
}

/* The Output of a record is JSON in a text. */
static struct json_object *output_of(struct json_object *record)
{
    const char *text = json_member_text(record, "Output");
    struct json_object *output = NULL;
    if (text)
        json_parse(text, strlen(text), &output, NULL);
    return output;
}

struct json_object *result_writer_transform(struct json_object *config, const char *otherwise,
                                            struct json_object *records)
{
    const char *how = json_member_text(config, "Transformation");
    if (how == NULL)
        how = otherwise;
    struct json_object *out = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(records); i++) {
        struct json_object *record = json_object_array_get_idx(records, i);
        if (strcmp(how, "NONE") == 0 || !has_succeeded(record)) {
            json_append(out, json_object_get(record));
            continue;
        }
        struct json_object *output = output_of(record);
        if (strcmp(how, "FLATTEN") == 0 && json_object_is_type(output, json_type_array)) {
            for (size_t j = 0; j < json_object_array_length(output); j++)
                json_append(out, json_object_get(json_object_array_get_idx(output, j)));
            json_object_put(output);
        } else {
            json_append(out, output);
        }
    }
    return out;
}

static int make_folders(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        int code = mkdir(path, 0777);
        *at = '/';
        if (code != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

static int write_object(const char *buckets, const char *bucket, const char *key, const struct buf *text)
{
    char *path = bucket_path(buckets, bucket, key);
    FILE *file = path && make_folders(path) == 0 ? fopen(path, "wbe") : NULL;
    free(path);
    if (file == NULL)
        return -1;
    size_t written = fwrite(text->data, 1, text->bytes, file);
    return fclose(file) == 0 && written == text->bytes ? 0 : -1;
}

static void write_records(struct buf *out, struct json_object *records, bool lines)
{
    if (!lines) {
        json_write(out, records);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(records); i++) {
        json_write(out, json_object_array_get_idx(records, i));
        buf_add_char(out, '\n');
    }
}

struct group {
    const char *name;
    struct json_object *records;
};

static int write_group(const char *buckets, const char *bucket, const char *folder, struct json_object *config,
                       const struct group *group, struct json_object *files)
{
    const char *type = json_member_text(config, "OutputType");
    bool lines = type && strcmp(type, "JSONL") == 0;
    struct json_object *listed = json_object_new_array();
    json_add(files, group->name, listed);
    if (json_object_array_length(group->records) == 0)
        return 0;
    AUTO_JSON struct json_object *shown = result_writer_transform(config, "NONE", group->records);
    AUTO_BUF text = BUF_INIT;
    write_records(&text, shown, lines);
    char *key = mem_printf("%s/%s_0.%s", folder, group->name, lines ? "jsonl" : "json");
    int code = write_object(buckets, bucket, key, &text);
    struct json_object *entry = json_object_new_object();
    json_add_text(entry, "Key", key);
    json_add_int(entry, "Size", (int64_t)text.bytes);
    json_append(listed, entry);
    free(key);
    return code;
}

int result_writer_write(const char *buckets, const char *map_run_arn, struct json_object *config,
                        struct json_object *arguments, struct json_object *records, struct json_object **ret_result,
                        struct asl_failure *failure)
{
    const char *bucket = json_member_text(arguments, "Bucket");
    const char *prefix = json_member_text(arguments, "Prefix");
    const char *uuid = strrchr(map_run_arn, ':') + 1;
    if (buckets == NULL || bucket == NULL)
        return asl_failure_set(failure, writer_failed, false, "no folder of buckets is configured");
    char *folder = prefix && *prefix ? mem_printf("%s/%s", prefix, uuid) : mem_strdup(uuid);
    struct group groups[] = {{"FAILED", json_object_new_array()},
                             {"PENDING", json_object_new_array()},
                             {"SUCCEEDED", json_object_new_array()}};
    for (size_t i = 0; i < json_object_array_length(records); i++) {
        struct json_object *record = json_object_array_get_idx(records, i);
        const char *status = json_member_text(record, "Status");
        int at = has_succeeded(record) ? 2 : status && strcmp(status, "PENDING") == 0 ? 1 : 0;
        json_append(groups[at].records, json_object_get(record));
    }
    AUTO_JSON struct json_object *manifest = json_object_new_object();
    struct json_object *files = json_object_new_object();
    json_add_text(manifest, "DestinationBucket", bucket);
    json_add_text(manifest, "MapRunArn", map_run_arn);
    json_add(manifest, "ResultFiles", files);
    int code = 0;
    for (size_t i = 0; i < 3; i++) {
        if (code == 0)
            code = write_group(buckets, bucket, folder, config, &groups[i], files);
        json_object_put(groups[i].records);
    }
    char *key = mem_printf("%s/manifest.json", folder);
    AUTO_BUF text = BUF_INIT;
    json_write(&text, manifest);
    if (code == 0)
        code = write_object(buckets, bucket, key, &text);
    if (code == 0) {
        struct json_object *details = json_object_new_object();
        json_add_text(details, "Bucket", bucket);
        json_add_text(details, "Key", key);
        *ret_result = json_object_new_object();
        json_add_text(*ret_result, "MapRunArn", map_run_arn);
        json_add(*ret_result, "ResultWriterDetails", details);
    } else {
        asl_failure_set(failure, writer_failed, false, "could not write to the bucket '%s': %s", bucket,
                        strerror(errno));
    }
    free(key);
    free(folder);
    return code;
}
