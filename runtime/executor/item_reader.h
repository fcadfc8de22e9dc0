/*
 * item_reader.h - the items of a distributed Map that come from objects: JSON, JSON lines, CSV, a manifest, a listing.
 *
 * A bucket is a folder, an object a file in it: BUCKETS/BUCKET/KEY. A key never leaves its bucket's folder.
 *
 * Source    ASL "ItemReader"; reference/asl.md section 8. What goes wrong is States.ItemReaderFailed.
 */
#ifndef RUNTIME_EXECUTOR_ITEM_READER_H
#define RUNTIME_EXECUTOR_ITEM_READER_H

#include <stdint.h>

struct asl_failure;
struct item_reader;
struct json_object;

/* `arguments`: the evaluated Parameters; `items_max` INT64_MIN: none given. 0 and a new array, or -1 and the
 * failure. */
int item_reader_read(const char *buckets, const struct item_reader *reader, struct json_object *arguments,
                     int64_t items_max, struct json_object **ret_items, struct asl_failure *failure);

/* The same for the text of one object that is at hand already; what lists objects takes an array of JSON. */
int item_reader_parse(const struct item_reader *reader, const char *text, int64_t items_max,
                      struct json_object **ret_items, struct asl_failure *failure);

/* The file of an object, or NULL where the names would leave the folder. Heap. */
char *bucket_path(const char *buckets, const char *bucket, const char *key);

#endif
