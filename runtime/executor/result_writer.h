/*
 * result_writer.h - what the children of a distributed Map gave, as objects in a bucket.
 *
 * Source    ASL "ResultWriter"; reference/asl.md section 8: <prefix>/<uuid>/manifest.json and SUCCEEDED_0.json,
 *           FAILED_0.json, PENDING_0.json beside it.
 */
#ifndef RUNTIME_EXECUTOR_RESULT_WRITER_H
#define RUNTIME_EXECUTOR_RESULT_WRITER_H

struct asl_failure;
struct json_object;

/*
 * records: the children's records ({ExecutionArn, Input, Output, Status ...}) in item order. `config`: WriterConfig
 * or NULL, `arguments`: Bucket and Prefix. 0 and the state's result, or -1 with States.ResultWriterFailed.
 */
int result_writer_write(const char *buckets, const char *map_run_arn, struct json_object *config,
                        struct json_object *arguments, struct json_object *records, struct json_object **ret_result,
                        struct asl_failure *failure);

/* WriterConfig's transformation of the records without exporting: COMPACT (outputs), FLATTEN, NONE. New reference. */
struct json_object *result_writer_transform(struct json_object *config, const char *otherwise,
                                            struct json_object *records);

#endif
