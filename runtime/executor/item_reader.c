#include "runtime/executor/item_reader.h"

#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/definition/graph.h"
#include "asl/failure.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_BYTES_MAX = 1 << 30, LISTING_DEPTH_MAX = 32 };

static const char reader_failed[] = "States.ItemReaderFailed";

/* A part of a name that would lead out of the folder. */
static bool leaves_folder(const char *name)
{
    for (const char *at = name; at;) {
        const char *end = strchr(at, '/');
        size_t bytes = end ? (size_t)(end - at) : strlen(at);
        if (bytes == 2 && at[0] == '.' && at[1] == '.')
            return true;
        at = end ? end + 1 : NULL;
    }
    return false;
}

char *bucket_path(const char *buckets, const char *bucket, const char *key)
{
    if (buckets == NULL || bucket == NULL || key == NULL || *bucket == '\0' || strchr(bucket, '/') ||
        leaves_folder(bucket) || leaves_folder(key) || strcmp(bucket, ".") == 0)
        return NULL;
    return mem_printf("%s/%s/%s", buckets, bucket, key);
}

static int read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return -1;
    size_t got;
    do {
        char *at = buf_reserve(out, 65536);
        got = fread(at, 1, 65536, file);
        out->bytes += got;
    } while (got && out->bytes < FILE_BYTES_MAX);
    int code = ferror(file) || out->bytes >= FILE_BYTES_MAX ? -1 : 0;
    fclose(file);
    out->data[out->bytes] = '\0';
    return code;
}

static int read_object(const char *buckets, const char *bucket, const char *key, struct buf *out,
                       struct asl_failure *failure)
{
    if (buckets == NULL)
        return asl_failure_set(failure, reader_failed, false, "no folder of buckets is configured");
    char *path = bucket_path(buckets, bucket, key);
    int code = path ? read_file(path, out) : -1;
    if (code != 0)
        asl_failure_set(failure, reader_failed, false, "The specified key does not exist: '%s' in the bucket '%s'.",
                        key ? key : "", bucket ? bucket : "");
    free(path);
    return code;
}

/* --- CSV (RFC 4180) ------------------------------------------------------------------------------------ */

struct csv {
    const char *at, *end;
    char delimiter;
};

/* One field, without its quotes; false at the end of the text. ret_last: it ended its row. */
static bool csv_field(struct csv *csv, struct buf *field, bool *ret_last)
{
    buf_clear(field);
    bool quoted = csv->at < csv->end && *csv->at == '"';
    if (quoted)
        csv->at++;
    while (csv->at < csv->end) {
        char c = *csv->at++;
        if (quoted && c == '"') {
            if (csv->at < csv->end && *csv->at == '"') {
                buf_add_char(field, *csv->at++);
                continue;
            }
            quoted = false;
            continue;
        }
        if (!quoted && c == csv->delimiter) {
            *ret_last = false;
            return true;
        }
        if (!quoted && (c == '\n' || c == '\r')) {
            if (c == '\r' && csv->at < csv->end && *csv->at == '\n')
                csv->at++;
            break;
        }
        buf_add_char(field, c);
    }
    *ret_last = true;
    return true;
}

static struct json_object *csv_row(struct csv *csv)
{
    if (csv->at >= csv->end)
        return NULL;
    struct json_object *row = json_object_new_array();
    AUTO_BUF field = BUF_INIT;
    bool last = false;
    while (!last && csv_field(csv, &field, &last))
        json_append(row, json_object_new_string_len(buf_text(&field), (int)field.bytes));
    return row;
}

static char csv_delimiter(struct json_object *config)
{
    static const struct {
        const char *name;
        char delimiter;
    } names[] = {{"COMMA", ','}, {"PIPE", '|'}, {"SEMICOLON", ';'}, {"SPACE", ' '}, {"TAB", '\t'}};
    const char *name = json_member_text(config, "CSVDelimiter");
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].delimiter;
    return ',';
}

static bool has_duplicates(struct json_object *headers)
{
    AUTO_JSON struct json_object *seen = json_object_new_object();
    size_t count = json_object_array_length(headers);
    for (size_t i = 0; i < count; i++)
        json_add(seen, json_object_get_string(json_object_array_get_idx(headers, i)), NULL);
    return (size_t)json_object_object_length(seen) < count;
}

/* Extra columns are dropped, missing ones empty. */
static struct json_object *csv_item(struct json_object *headers, struct json_object *row)
{
    struct json_object *item = json_object_new_object();
    size_t columns = json_object_array_length(row);
    for (size_t i = 0; i < json_object_array_length(headers); i++) {
        struct json_object *value = i < columns ? json_object_array_get_idx(row, i) : NULL;
        json_add(item, json_object_get_string(json_object_array_get_idx(headers, i)),
                 value ? json_object_get(value) : json_object_new_string(""));
    }
    return item;
}

static int read_csv(const struct buf *text, struct json_object *config, int64_t most, struct json_object *items,
                    struct asl_failure *failure)
{
    struct csv csv = {text->data, text->data + text->bytes, csv_delimiter(config)};
    AUTO_JSON struct json_object *headers = NULL;
    const char *location = json_member_text(config, "CSVHeaderLocation");
    bool first_row = location && strcmp(location, "FIRST_ROW") == 0;
    if (!first_row && json_member(config, "CSVHeaders", &headers))
        json_object_get(headers);
    else
        headers = csv_row(&csv);
    if (headers && has_duplicates(headers))
        return asl_failure_set(failure, reader_failed, false, "CSV headers cannot contain duplicates.");
    struct json_object *row;
    while (headers && (int64_t)json_object_array_length(items) < most && (row = csv_row(&csv)) != NULL) {
        json_append(items, csv_item(headers, row));
        json_object_put(row);
    }
    return 0;
}

/* --- JSON -------------------------------------------------------------------------------------------------- */

/* An array's elements, or an object's members as {"Key","Value"}. */
static int add_elements(struct json_object *node, int64_t most, struct json_object *items, struct asl_failure *failure)
{
    if (json_object_is_type(node, json_type_array)) {
        size_t count = json_object_array_length(node);
        for (size_t i = 0; i < count && (int64_t)json_object_array_length(items) < most; i++)
            json_append(items, json_object_get(json_object_array_get_idx(node, i)));
        return 0;
    }
    if (json_object_is_type(node, json_type_object)) {
        json_object_object_foreach (node, name, value) {
            if ((int64_t)json_object_array_length(items) >= most)
                break;
            struct json_object *pair = json_object_new_object();
            json_add_text(pair, "Key", name);
            json_add(pair, "Value", json_object_get(value));
            json_append(items, pair);
        }
        return 0;
    }
    return asl_failure_set(failure, reader_failed, false, "Attempting to map over non-iterable node.");
}

static int read_json(const struct buf *text, struct json_object *config, int64_t most, struct json_object *items,
                     struct asl_failure *failure)
{
    AUTO_JSON struct json_object *document = NULL;
    struct err err;
    if (json_parse(text->data, text->bytes, &document, &err) != 0)
        return asl_failure_set(failure, reader_failed, false, "Unable to parse the JSON file: %s", err.message);
    struct json_object *node = document;
    const char *pointer = json_member_text(config, "ItemsPointer");
    if (pointer && *pointer && json_pointer_get(document, pointer, &node) != 0)
        return asl_failure_set(failure, reader_failed, false, "The ItemsPointer '%s' leads to nothing.", pointer);
    return add_elements(node, most, items, failure);
}

static int read_json_lines(const struct buf *text, int64_t most, struct json_object *items, struct asl_failure *failure)
{
    const char *at = text->data, *end = text->data + text->bytes;
    for (int line = 1; at < end && (int64_t)json_object_array_length(items) < most; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t bytes = (size_t)((stop ? stop : end) - at);
        struct err err;
        struct json_object *item;
        bool blank = strspn(at, " \t\r") >= bytes;
        if (!blank && json_parse(at, bytes, &item, &err) != 0)
            return asl_failure_set(failure, reader_failed, false, "Unable to parse line %d of the JSONL file: %s", line,
                                   err.message);
        if (!blank)
            json_append(items, item);
        at += bytes + 1;
    }
    return 0;
}

/* --- listings --------------------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    return strcmp(json_member_text(*(struct json_object *const *)a, "Key"),
                  json_member_text(*(struct json_object *const *)b, "Key"));
}

static char *etag_of(const char *path)
{
    AUTO_BUF text = BUF_INIT;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    struct buf out = BUF_INIT;
    if (read_file(path, &text) != 0 || !EVP_Digest(text.data, text.bytes, digest, &bytes, EVP_md5(), NULL))
        bytes = 0;
    buf_add_char(&out, '"');
    for (unsigned i = 0; i < bytes; i++)
        buf_printf(&out, "%02x", digest[i]);
    buf_add_char(&out, '"');
    return buf_take(&out);
}

static void list_folder(struct json_object *items, const char *folder, const char *key, const char *prefix, int depth)
{
    DIR *dir = depth < LISTING_DEPTH_MAX ? opendir(folder) : NULL;
    struct dirent *entry;
    while (dir && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *path = mem_printf("%s/%s", folder, entry->d_name);
        char *name = mem_printf("%s%s%s", key, *key ? "/" : "", entry->d_name);
        struct stat status;
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
            list_folder(items, path, name, prefix, depth + 1);
        } else if (S_ISREG(status.st_mode) && strncmp(name, prefix, strlen(prefix)) == 0) {
            char *etag = etag_of(path);
            struct json_object *item = json_object_new_object();
            json_add_text(item, "Etag", etag);
            json_add_text(item, "Key", name);
            json_add_int(item, "LastModified", status.st_mtime);
            json_add_int(item, "Size", status.st_size);
            json_add_text(item, "StorageClass", "STANDARD");
            json_append(items, item);
            free(etag);
        }
        free(path);
        free(name);
    }
    if (dir)
        closedir(dir);
}

static int read_listing(const char *buckets, struct json_object *arguments, int64_t most, struct json_object *items,
                        struct asl_failure *failure)
{
    const char *bucket = json_member_text(arguments, "Bucket");
    const char *prefix = json_member_text(arguments, "Prefix");
    char *folder = bucket_path(buckets, bucket, "");
    struct stat status;
    if (folder == NULL || stat(folder, &status) != 0 || !S_ISDIR(status.st_mode)) {
        free(folder);
        return asl_failure_set(failure, reader_failed, false, "The specified bucket does not exist: '%s'.",
                               bucket ? bucket : "");
    }
    AUTO_JSON struct json_object *all = json_object_new_array();
    list_folder(all, folder, "", prefix ? prefix : "", 0);
    json_object_array_sort(all, by_key);
    free(folder);
    return add_elements(all, most, items, failure);
}

/* --- one file by its InputType; a manifest names further files ----------------------------------------------- */

static int read_typed(const char *type, const struct buf *text, struct json_object *config, int64_t most,
                      struct json_object *items, struct asl_failure *failure)
{
    if (type == NULL || strcmp(type, "JSON") == 0)
        return read_json(text, config, most, items, failure);
    if (strcmp(type, "JSONL") == 0)
        return read_json_lines(text, most, items, failure);
    if (strcmp(type, "CSV") == 0)
        return read_csv(text, config, most, items, failure);
    return asl_failure_set(failure, reader_failed, false, "The InputType '%s' is not supported.", type);
}

/* S3 inventory: {"fileSchema":"Bucket, Key, ...","files":[{"key":...}]}, the files are CSV without headers. */
static int read_manifest(const char *buckets, const char *bucket, const struct buf *text, int64_t most,
                         struct json_object *items, struct asl_failure *failure)
{
    AUTO_JSON struct json_object *manifest = NULL;
    struct json_object *files;
    struct err err;
    if (json_parse(text->data, text->bytes, &manifest, &err) != 0 || !json_member(manifest, "files", &files) ||
        !json_object_is_type(files, json_type_array))
        return asl_failure_set(failure, reader_failed, false, "The manifest is not a valid S3 inventory manifest.");
    AUTO_JSON struct json_object *headers = json_object_new_array();
    const char *schema = json_member_text(manifest, "fileSchema");
    for (const char *at = schema ? schema : "Bucket, Key"; *at;) {
        size_t bytes = strcspn(at, ",");
        json_append(headers, json_object_new_string_len(at, (int)bytes));
        at += bytes;
        at += strspn(at, ", ");
    }
    AUTO_JSON struct json_object *config = json_object_new_object();
    json_add(config, "CSVHeaders", json_object_get(headers));
    for (size_t i = 0; i < json_object_array_length(files); i++) {
        AUTO_BUF file = BUF_INIT;
        const char *key = json_member_text(json_object_array_get_idx(files, i), "key");
        if (read_object(buckets, bucket, key, &file, failure) != 0 ||
            read_csv(&file, config, most, items, failure) != 0)
            return -1;
    }
    return 0;
}

/* LOAD_AND_FLATTEN: the items of every listed file. */
static int flatten(const char *buckets, const char *bucket, struct json_object *config, struct json_object *listed,
                   int64_t most, struct json_object *items, struct asl_failure *failure)
{
    for (size_t i = 0; i < json_object_array_length(listed); i++) {
        AUTO_BUF file = BUF_INIT;
        const char *key = json_member_text(json_object_array_get_idx(listed, i), "Key");
        if (read_object(buckets, bucket, key, &file, failure) != 0 ||
            read_typed(json_member_text(config, "InputType"), &file, config, most, items, failure) != 0)
            return -1;
    }
    return 0;
}

static int read_items(const char *buckets, const struct item_reader *reader, struct json_object *arguments,
                      int64_t most, struct json_object *items, struct asl_failure *failure)
{
    struct json_object *config = reader->config;
    const char *bucket = json_member_text(arguments, "Bucket");
    if (strcmp(reader->resource.operation, "listObjectsV2") == 0) {
        const char *transformation = json_member_text(config, "Transformation");
        if (transformation == NULL || strcmp(transformation, "LOAD_AND_FLATTEN") != 0)
            return read_listing(buckets, arguments, most, items, failure);
        AUTO_JSON struct json_object *listed = json_object_new_array();
        if (read_listing(buckets, arguments, INT64_MAX, listed, failure) != 0)
            return -1;
        return flatten(buckets, bucket, config, listed, most, items, failure);
    }
    AUTO_BUF text = BUF_INIT;
    const char *type = json_member_text(config, "InputType");
    if (read_object(buckets, bucket, json_member_text(arguments, "Key"), &text, failure) != 0)
        return -1;
    const char *manifest = json_member_text(config, "ManifestType");
    if (manifest && strcmp(manifest, "S3_INVENTORY") != 0)
        return asl_failure_set(failure, reader_failed, false, "The ManifestType '%s' is not supported.", manifest);
    if (manifest || (type && strcmp(type, "MANIFEST") == 0))
        return read_manifest(buckets, bucket, &text, most, items, failure);
    return read_typed(type, &text, config, most, items, failure);
}

/* What was read where `code` is 0, else nothing. */
static int finish(int code, struct json_object *items, struct json_object **ret_items)
{
    if (code == 0)
        *ret_items = items;
    else
        json_object_put(items);
    return code;
}

/* How many items are read at most: 0 and INT64_MIN set no limit. */
static int items_limit(int64_t items_max, int64_t *ret_most, struct asl_failure *failure)
{
    *ret_most = items_max > 0 ? items_max : INT64_MAX;
    if (items_max < 0 && items_max != INT64_MIN)
        return asl_failure_set(failure, reader_failed, false, "field MaxItems must be positive");
    return 0;
}

int item_reader_read(const char *buckets, const struct item_reader *reader, struct json_object *arguments,
                     int64_t items_max, struct json_object **ret_items, struct asl_failure *failure)
{
    int64_t most;
    if (items_limit(items_max, &most, failure) != 0)
        return -1;
    struct json_object *items = json_object_new_array();
    return finish(read_items(buckets, reader, arguments, most, items, failure), items, ret_items);
}

int item_reader_parse(const struct item_reader *reader, const char *text, int64_t items_max,
                      struct json_object **ret_items, struct asl_failure *failure)
{
    AUTO_BUF copy = BUF_INIT;
    int64_t most;
    if (items_limit(items_max, &most, failure) != 0)
        return -1;
    buf_add_text(&copy, text);
    struct json_object *items = json_object_new_array();
    bool lists = strcmp(reader->resource.operation, "listObjectsV2") == 0;
    const char *type = lists ? NULL : json_member_text(reader->config, "InputType");
    return finish(read_typed(type, &copy, reader->config, most, items, failure), items, ret_items);
}
