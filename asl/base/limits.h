/*
 * limits.h - every fixed limit of the language and the engine, in one place.
 *
 * AWS's own quotas where there is one (ASL "Quotas"); those a user may change are settings whose
 * defaults stand here.
 */
#ifndef ASL_BASE_LIMITS_H
#define ASL_BASE_LIMITS_H

enum {
    LIMIT_JSON_DEPTH = 256,             /* nesting of any JSON document, and of what a state gives out */
    LIMIT_STORED_DEPTH = 4096,          /* nesting of what the program has written itself */
    LIMIT_DEFINITION_BYTES = 1048576,   /* a definition's text */
    LIMIT_DEFINITION_DEPTH = 64,        /* Parallel and Map inside one another */
    LIMIT_PAYLOAD_BYTES = 262144,       /* input, output, result of a state: default setting */
    LIMIT_HISTORY_EVENTS = 25000,       /* events of one execution: default setting */
    LIMIT_NAME_CHARS = 80,              /* names of states, machines, executions, variables */
    LIMIT_LABEL_CHARS = 40,             /* label of a distributed Map */
    LIMIT_SECONDS = 99999999,           /* TimeoutSeconds, HeartbeatSeconds, Seconds */
    LIMIT_MAX_DELAY_SECONDS = 31622400, /* MaxDelaySeconds of a retrier */
    LIMIT_WAIT_SECONDS = 2147483647,    /* a Wait's longest delay */
    LIMIT_INTRINSIC_DEPTH = 10,         /* intrinsic calls inside one another */
    LIMIT_INTRINSIC_CHARS = 10000,      /* Base64 and Hash arguments */
    LIMIT_JSONATA_MS = 1000,            /* time of one JSONata expression */
    LIMIT_JSONATA_DEPTH = 100,          /* nesting of its evaluation */
    LIMIT_JSONATA_BYTES = 10485760,     /* what it may make, by the measure of AWS */
    LIMIT_ARRAY_RANGE = 1000,           /* items of States.ArrayRange */
    LIMIT_PATH_STEPS = 256,             /* steps of a JSONPath */
    LIMIT_VARIABLES_BYTES = 10485760,   /* all variables of an execution */
    LIMIT_DISTRIBUTED_MAP_CONCURRENCY = 10000,
    LIMIT_ERROR_CHARS = 256,     /* Error of a failure; the rest is cut off */
    LIMIT_CAUSE_CHARS = 32768,   /* Cause of a failure; likewise */
    LIMIT_TOKEN_CHARS = 2048,    /* a task token */
    LIMIT_EXPRESS_SECONDS = 300, /* an Express execution */
    LIMIT_ARN_CHARS = 256,
    LIMIT_REQUEST_BYTES = 3145728,     /* body of an API request: default setting */
    LIMIT_LOG_FILE_BYTES = 67108864,   /* a file of --logs, before it becomes the old one */
    LIMIT_LOG_QUEUE_BYTES = 16777216,  /* lines of --logs that wait for the disk */
    LIMIT_REQUEST_HEAD_BYTES = 65536,  /* its request line and headers */
    LIMIT_REQUEST_AHEAD_BYTES = 65536, /* kept of further requests while one is at work */
    LIMIT_REQUEST_SECONDS = 60,        /* for a request to arrive, and for its answer to be taken: default setting */
    LIMIT_REQUESTS = 8192,             /* at work at once */
    LIMIT_REQUESTS_BYTES = 268435456,  /* of all requests that are arriving, together */
    LIMIT_CONNECTIONS = 16384,         /* open at once: default setting */
    LIMIT_IDLE_SECONDS = 75,           /* a connection without a request: default setting */
    LIMIT_IMPORT_BYTES = 536870912,    /* files of one `import`: one transaction */
    LIMIT_REPLAY_SIGNATURES = 262144,  /* signatures of changing requests that are remembered */
    LIMIT_METRICS_MACHINES = 200,      /* state machines that /metrics tells apart */
    LIMIT_TAGS = 50,
    LIMIT_VERSIONS = 1000,
    LIMIT_ALIASES = 100,
};

#endif
