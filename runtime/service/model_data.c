/* Made by model_gen.py from the service model; not to be edited. */

#include "runtime/service/model.h"

#include <stddef.h>

static const struct model_shape shapes[96];

static const struct model_member members_0[] = {
    {"name", &shapes[1], true},
    {"tags", &shapes[2], false},
    {"encryptionConfiguration", &shapes[6], false},
};
static const struct model_member members_3[] = {
    {"key", &shapes[4], false},
    {"value", &shapes[5], false},
};
static const struct model_member members_6[] = {
    {"kmsKeyId", &shapes[7], false},
    {"kmsDataKeyReusePeriodSeconds", &shapes[8], false},
    {"type", &shapes[9], true},
};
static const char *const values_9[] = {"AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY", NULL};
static const struct model_member members_10[] = {
    {"name", &shapes[1], true},
    {"definition", &shapes[11], true},
    {"roleArn", &shapes[12], true},
    {"type", &shapes[13], false},
    {"loggingConfiguration", &shapes[14], false},
    {"tags", &shapes[2], false},
    {"tracingConfiguration", &shapes[20], false},
    {"publish", &shapes[22], false},
    {"versionDescription", &shapes[23], false},
    {"encryptionConfiguration", &shapes[6], false},
};
static const char *const values_13[] = {"STANDARD", "EXPRESS", NULL};
static const struct model_member members_14[] = {
    {"level", &shapes[15], false},
    {"includeExecutionData", &shapes[16], false},
    {"destinations", &shapes[17], false},
};
static const char *const values_15[] = {"ALL", "ERROR", "FATAL", "OFF", NULL};
static const struct model_member members_18[] = {
    {"cloudWatchLogsLogGroup", &shapes[19], false},
};
static const struct model_member members_19[] = {
    {"logGroupArn", &shapes[12], false},
};
static const struct model_member members_20[] = {
    {"enabled", &shapes[21], false},
};
static const struct model_member members_24[] = {
    {"description", &shapes[25], false},
    {"name", &shapes[26], true},
    {"routingConfiguration", &shapes[27], true},
};
static const struct model_member members_28[] = {
    {"stateMachineVersionArn", &shapes[12], true},
    {"weight", &shapes[29], true},
};
static const struct model_member members_30[] = {
    {"activityArn", &shapes[12], true},
};
static const struct model_member members_31[] = {
    {"stateMachineArn", &shapes[12], true},
};
static const struct model_member members_32[] = {
    {"stateMachineAliasArn", &shapes[12], true},
};
static const struct model_member members_33[] = {
    {"stateMachineVersionArn", &shapes[34], true},
};
static const struct model_member members_35[] = {
    {"activityArn", &shapes[12], true},
};
static const struct model_member members_36[] = {
    {"executionArn", &shapes[12], true},
    {"includedData", &shapes[37], false},
};
static const char *const values_37[] = {"ALL_DATA", "METADATA_ONLY", NULL};
static const struct model_member members_38[] = {
    {"mapRunArn", &shapes[34], true},
};
static const struct model_member members_39[] = {
    {"stateMachineArn", &shapes[12], true},
    {"includedData", &shapes[37], false},
};
static const struct model_member members_40[] = {
    {"stateMachineAliasArn", &shapes[12], true},
};
static const struct model_member members_41[] = {
    {"executionArn", &shapes[12], true},
    {"includedData", &shapes[37], false},
};
static const struct model_member members_42[] = {
    {"activityArn", &shapes[12], true},
    {"workerName", &shapes[1], false},
};
static const struct model_member members_43[] = {
    {"executionArn", &shapes[12], true},          {"maxResults", &shapes[44], false},
    {"reverseOrder", &shapes[45], false},         {"nextToken", &shapes[46], false},
    {"includeExecutionData", &shapes[47], false},
};
static const struct model_member members_48[] = {
    {"maxResults", &shapes[44], false},
    {"nextToken", &shapes[46], false},
};
static const struct model_member members_49[] = {
    {"stateMachineArn", &shapes[12], false}, {"statusFilter", &shapes[50], false},
    {"maxResults", &shapes[44], false},      {"nextToken", &shapes[51], false},
    {"mapRunArn", &shapes[34], false},       {"redriveFilter", &shapes[52], false},
};
static const char *const values_50[] = {"SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED",
                                        "RUNNING",   NULL};
static const char *const values_52[] = {"REDRIVEN", "NOT_REDRIVEN", NULL};
static const struct model_member members_53[] = {
    {"executionArn", &shapes[12], true},
    {"maxResults", &shapes[44], false},
    {"nextToken", &shapes[46], false},
};
static const struct model_member members_54[] = {
    {"stateMachineArn", &shapes[12], true},
    {"nextToken", &shapes[46], false},
    {"maxResults", &shapes[44], false},
};
static const struct model_member members_55[] = {
    {"stateMachineArn", &shapes[12], true},
    {"nextToken", &shapes[46], false},
    {"maxResults", &shapes[44], false},
};
static const struct model_member members_56[] = {
    {"maxResults", &shapes[44], false},
    {"nextToken", &shapes[46], false},
};
static const struct model_member members_57[] = {
    {"resourceArn", &shapes[12], true},
};
static const struct model_member members_58[] = {
    {"stateMachineArn", &shapes[12], true},
    {"revisionId", &shapes[59], false},
    {"description", &shapes[23], false},
};
static const struct model_member members_60[] = {
    {"executionArn", &shapes[12], true},
    {"clientToken", &shapes[61], false},
};
static const struct model_member members_62[] = {
    {"taskToken", &shapes[63], true},
    {"error", &shapes[64], false},
    {"cause", &shapes[65], false},
};
static const struct model_member members_66[] = {
    {"taskToken", &shapes[63], true},
};
static const struct model_member members_67[] = {
    {"taskToken", &shapes[63], true},
    {"output", &shapes[68], true},
};
static const struct model_member members_69[] = {
    {"stateMachineArn", &shapes[12], true},
    {"name", &shapes[1], false},
    {"input", &shapes[68], false},
    {"traceHeader", &shapes[70], false},
};
static const struct model_member members_71[] = {
    {"stateMachineArn", &shapes[12], true}, {"name", &shapes[1], false},          {"input", &shapes[68], false},
    {"traceHeader", &shapes[70], false},    {"includedData", &shapes[37], false},
};
static const struct model_member members_72[] = {
    {"executionArn", &shapes[12], true},
    {"error", &shapes[64], false},
    {"cause", &shapes[65], false},
};
static const struct model_member members_73[] = {
    {"resourceArn", &shapes[12], true},
    {"tags", &shapes[2], true},
};
static const struct model_member members_74[] = {
    {"definition", &shapes[84], true},     {"roleArn", &shapes[12], false},
    {"input", &shapes[68], false},         {"inspectionLevel", &shapes[75], false},
    {"revealSecrets", &shapes[76], false}, {"variables", &shapes[68], false},
    {"stateName", &shapes[77], false},     {"mock", &shapes[78], false},
    {"context", &shapes[68], false},       {"stateConfiguration", &shapes[81], false},
};
static const char *const values_75[] = {"INFO", "DEBUG", "TRACE", NULL};
static const struct model_member members_78[] = {
    {"result", &shapes[68], false},
    {"errorOutput", &shapes[79], false},
    {"fieldValidationMode", &shapes[80], false},
};
static const struct model_member members_79[] = {
    {"error", &shapes[64], false},
    {"cause", &shapes[65], false},
};
static const char *const values_80[] = {"STRICT", "PRESENT", "NONE", NULL};
static const struct model_member members_81[] = {
    {"retrierRetryCount", &shapes[82], false},
    {"errorCausedByState", &shapes[77], false},
    {"mapIterationFailureCount", &shapes[83], false},
    {"mapItemReaderData", &shapes[68], false},
};
static const struct model_member members_85[] = {
    {"resourceArn", &shapes[12], true},
    {"tagKeys", &shapes[86], true},
};
static const struct model_member members_87[] = {
    {"mapRunArn", &shapes[34], true},
    {"maxConcurrency", &shapes[88], false},
    {"toleratedFailurePercentage", &shapes[89], false},
    {"toleratedFailureCount", &shapes[90], false},
};
static const struct model_member members_91[] = {
    {"stateMachineArn", &shapes[12], true},
    {"definition", &shapes[11], false},
    {"roleArn", &shapes[12], false},
    {"loggingConfiguration", &shapes[14], false},
    {"tracingConfiguration", &shapes[20], false},
    {"publish", &shapes[22], false},
    {"versionDescription", &shapes[23], false},
    {"encryptionConfiguration", &shapes[6], false},
};
static const struct model_member members_92[] = {
    {"stateMachineAliasArn", &shapes[12], true},
    {"description", &shapes[25], false},
    {"routingConfiguration", &shapes[27], false},
};
static const struct model_member members_93[] = {
    {"definition", &shapes[84], true},
    {"type", &shapes[13], false},
    {"severity", &shapes[94], false},
    {"maxResults", &shapes[95], false},
};
static const char *const values_94[] = {"ERROR", "WARNING", NULL};

static const struct model_shape shapes[96] = {
    [0] = {.name = "CreateActivityInput", .type = MODEL_STRUCTURE, .members = members_0, .member_count = 3},
    [1] = {.name = "Name", .type = MODEL_STRING, .has_min = true, .min = 1, .has_max = true, .max = 80},
    [2] = {.name = "TagList", .type = MODEL_LIST, .element = &shapes[3]},
    [3] = {.name = "Tag", .type = MODEL_STRUCTURE, .members = members_3, .member_count = 2},
    [4] = {.name = "TagKey", .type = MODEL_STRING, .has_min = true, .min = 1, .has_max = true, .max = 128},
    [5] = {.name = "TagValue", .type = MODEL_STRING, .has_min = true, .min = 0, .has_max = true, .max = 256},
    [6] = {.name = "EncryptionConfiguration", .type = MODEL_STRUCTURE, .members = members_6, .member_count = 3},
    [7] = {.name = "KmsKeyId", .type = MODEL_STRING, .has_min = true, .min = 1, .has_max = true, .max = 2048},
    [8] = {.name = "KmsDataKeyReusePeriodSeconds",
           .type = MODEL_INTEGER,
           .has_min = true,
           .min = 60,
           .has_max = true,
           .max = 900},
    [9] = {.name = "EncryptionType", .type = MODEL_STRING, .values = values_9},
    [10] = {.name = "CreateStateMachineInput", .type = MODEL_STRUCTURE, .members = members_10, .member_count = 10},
    [11] = {.name = "Definition",
            .type = MODEL_STRING,
            .has_min = true,
            .min = 1,
            .has_max = true,
            .max = 1048576,
            .sensitive = true},
    [12] = {.name = "Arn", .type = MODEL_STRING, .has_min = true, .min = 1, .has_max = true, .max = 256},
    [13] = {.name = "StateMachineType", .type = MODEL_STRING, .values = values_13},
    [14] = {.name = "LoggingConfiguration", .type = MODEL_STRUCTURE, .members = members_14, .member_count = 3},
    [15] = {.name = "LogLevel", .type = MODEL_STRING, .values = values_15},
    [16] = {.name = "IncludeExecutionData", .type = MODEL_BOOLEAN},
    [17] = {.name = "LogDestinationList", .type = MODEL_LIST, .element = &shapes[18]},
    [18] = {.name = "LogDestination", .type = MODEL_STRUCTURE, .members = members_18, .member_count = 1},
    [19] = {.name = "CloudWatchLogsLogGroup", .type = MODEL_STRUCTURE, .members = members_19, .member_count = 1},
    [20] = {.name = "TracingConfiguration", .type = MODEL_STRUCTURE, .members = members_20, .member_count = 1},
    [21] = {.name = "Enabled", .type = MODEL_BOOLEAN},
    [22] = {.name = "Publish", .type = MODEL_BOOLEAN},
    [23] = {.name = "VersionDescription", .type = MODEL_STRING, .has_max = true, .max = 256, .sensitive = true},
    [24] = {.name = "CreateStateMachineAliasInput", .type = MODEL_STRUCTURE, .members = members_24, .member_count = 3},
    [25] = {.name = "AliasDescription", .type = MODEL_STRING, .has_max = true, .max = 256, .sensitive = true},
    [26] = {.name = "CharacterRestrictedName",
            .type = MODEL_STRING,
            .has_min = true,
            .min = 1,
            .has_max = true,
            .max = 80,
            .pattern = "^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$",
            .regex = "^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$"},
    [27] = {.name = "RoutingConfigurationList",
            .type = MODEL_LIST,
            .has_min = true,
            .min = 1,
            .has_max = true,
            .max = 2,
            .element = &shapes[28]},
    [28] = {.name = "RoutingConfigurationListItem", .type = MODEL_STRUCTURE, .members = members_28, .member_count = 2},
    [29] = {.name = "VersionWeight", .type = MODEL_INTEGER, .has_min = true, .min = 0, .has_max = true, .max = 100},
    [30] = {.name = "DeleteActivityInput", .type = MODEL_STRUCTURE, .members = members_30, .member_count = 1},
    [31] = {.name = "DeleteStateMachineInput", .type = MODEL_STRUCTURE, .members = members_31, .member_count = 1},
    [32] = {.name = "DeleteStateMachineAliasInput", .type = MODEL_STRUCTURE, .members = members_32, .member_count = 1},
    [33] = {.name = "DeleteStateMachineVersionInput",
            .type = MODEL_STRUCTURE,
            .members = members_33,
            .member_count = 1},
    [34] = {.name = "LongArn", .type = MODEL_STRING, .has_min = true, .min = 1, .has_max = true, .max = 2000},
    [35] = {.name = "DescribeActivityInput", .type = MODEL_STRUCTURE, .members = members_35, .member_count = 1},
    [36] = {.name = "DescribeExecutionInput", .type = MODEL_STRUCTURE, .members = members_36, .member_count = 2},
    [37] = {.name = "IncludedData", .type = MODEL_STRING, .values = values_37},
    [38] = {.name = "DescribeMapRunInput", .type = MODEL_STRUCTURE, .members = members_38, .member_count = 1},
    [39] = {.name = "DescribeStateMachineInput", .type = MODEL_STRUCTURE, .members = members_39, .member_count = 2},
    [40] = {.name = "DescribeStateMachineAliasInput",
            .type = MODEL_STRUCTURE,
            .members = members_40,
            .member_count = 1},
    [41] = {.name = "DescribeStateMachineForExecutionInput",
            .type = MODEL_STRUCTURE,
            .members = members_41,
            .member_count = 2},
    [42] = {.name = "GetActivityTaskInput", .type = MODEL_STRUCTURE, .members = members_42, .member_count = 2},
    [43] = {.name = "GetExecutionHistoryInput", .type = MODEL_STRUCTURE, .members = members_43, .member_count = 5},
    [44] = {.name = "PageSize", .type = MODEL_INTEGER, .has_min = true, .min = 0, .has_max = true, .max = 1000},
    [45] = {.name = "ReverseOrder", .type = MODEL_BOOLEAN},
    [46] = {.name = "PageToken", .type = MODEL_STRING, .has_min = true, .min = 1, .has_max = true, .max = 1024},
    [47] = {.name = "IncludeExecutionDataGetExecutionHistory", .type = MODEL_BOOLEAN},
    [48] = {.name = "ListActivitiesInput", .type = MODEL_STRUCTURE, .members = members_48, .member_count = 2},
    [49] = {.name = "ListExecutionsInput", .type = MODEL_STRUCTURE, .members = members_49, .member_count = 6},
    [50] = {.name = "ExecutionStatus", .type = MODEL_STRING, .values = values_50},
    [51] = {.name = "ListExecutionsPageToken",
            .type = MODEL_STRING,
            .has_min = true,
            .min = 1,
            .has_max = true,
            .max = 3096},
    [52] = {.name = "ExecutionRedriveFilter", .type = MODEL_STRING, .values = values_52},
    [53] = {.name = "ListMapRunsInput", .type = MODEL_STRUCTURE, .members = members_53, .member_count = 3},
    [54] = {.name = "ListStateMachineAliasesInput", .type = MODEL_STRUCTURE, .members = members_54, .member_count = 3},
    [55] = {.name = "ListStateMachineVersionsInput", .type = MODEL_STRUCTURE, .members = members_55, .member_count = 3},
    [56] = {.name = "ListStateMachinesInput", .type = MODEL_STRUCTURE, .members = members_56, .member_count = 2},
    [57] = {.name = "ListTagsForResourceInput", .type = MODEL_STRUCTURE, .members = members_57, .member_count = 1},
    [58] = {.name = "PublishStateMachineVersionInput",
            .type = MODEL_STRUCTURE,
            .members = members_58,
            .member_count = 3},
    [59] = {.name = "RevisionId", .type = MODEL_STRING},
    [60] = {.name = "RedriveExecutionInput", .type = MODEL_STRUCTURE, .members = members_60, .member_count = 2},
    [61] = {.name = "ClientToken",
            .type = MODEL_STRING,
            .has_min = true,
            .min = 1,
            .has_max = true,
            .max = 64,
            .pattern = "[!-~]+",
            .regex = "[!-~]+"},
    [62] = {.name = "SendTaskFailureInput", .type = MODEL_STRUCTURE, .members = members_62, .member_count = 3},
    [63] = {.name = "TaskToken", .type = MODEL_STRING, .has_min = true, .min = 1, .has_max = true, .max = 2048},
    [64] = {.name = "SensitiveError",
            .type = MODEL_STRING,
            .has_min = true,
            .min = 0,
            .has_max = true,
            .max = 256,
            .sensitive = true},
    [65] = {.name = "SensitiveCause",
            .type = MODEL_STRING,
            .has_min = true,
            .min = 0,
            .has_max = true,
            .max = 32768,
            .sensitive = true},
    [66] = {.name = "SendTaskHeartbeatInput", .type = MODEL_STRUCTURE, .members = members_66, .member_count = 1},
    [67] = {.name = "SendTaskSuccessInput", .type = MODEL_STRUCTURE, .members = members_67, .member_count = 2},
    [68] = {.name = "SensitiveData",
            .type = MODEL_STRING,
            .has_max = true,
            .max = 262144,
            .sensitive = true,
            .payload = true},
    [69] = {.name = "StartExecutionInput", .type = MODEL_STRUCTURE, .members = members_69, .member_count = 4},
    [70] = {.name = "TraceHeader",
            .type = MODEL_STRING,
            .has_min = true,
            .min = 0,
            .has_max = true,
            .max = 256,
            .pattern = "\\p{ASCII}*",
            .regex = "[\\x00-\\x7f]*"},
    [71] = {.name = "StartSyncExecutionInput", .type = MODEL_STRUCTURE, .members = members_71, .member_count = 5},
    [72] = {.name = "StopExecutionInput", .type = MODEL_STRUCTURE, .members = members_72, .member_count = 3},
    [73] = {.name = "TagResourceInput", .type = MODEL_STRUCTURE, .members = members_73, .member_count = 2},
    [74] = {.name = "TestStateInput", .type = MODEL_STRUCTURE, .members = members_74, .member_count = 10},
    [75] = {.name = "InspectionLevel", .type = MODEL_STRING, .values = values_75},
    [76] = {.name = "RevealSecrets", .type = MODEL_BOOLEAN},
    [77] = {.name = "TestStateStateName",
            .type = MODEL_STRING,
            .has_min = true,
            .min = 1,
            .has_max = true,
            .max = 80,
            .sensitive = true},
    [78] = {.name = "MockInput", .type = MODEL_STRUCTURE, .members = members_78, .member_count = 3},
    [79] = {.name = "MockErrorOutput", .type = MODEL_STRUCTURE, .members = members_79, .member_count = 2},
    [80] = {.name = "MockResponseValidationMode", .type = MODEL_STRING, .values = values_80},
    [81] = {.name = "TestStateConfiguration", .type = MODEL_STRUCTURE, .members = members_81, .member_count = 4},
    [82] = {.name = "RetrierRetryCount", .type = MODEL_INTEGER, .has_min = true, .min = 0},
    [83] = {.name = "MapIterationFailureCount", .type = MODEL_INTEGER, .has_min = true, .min = 0},
    [84] = {.name = "Definition", .type = MODEL_STRING, .has_max = true, .max = 1048576, .sensitive = true},
    [85] = {.name = "UntagResourceInput", .type = MODEL_STRUCTURE, .members = members_85, .member_count = 2},
    [86] = {.name = "TagKeyList", .type = MODEL_LIST, .element = &shapes[4]},
    [87] = {.name = "UpdateMapRunInput", .type = MODEL_STRUCTURE, .members = members_87, .member_count = 4},
    [88] = {.name = "MaxConcurrency", .type = MODEL_INTEGER, .has_min = true, .min = 0},
    [89] = {.name = "ToleratedFailurePercentage",
            .type = MODEL_DOUBLE,
            .has_min = true,
            .min = 0,
            .has_max = true,
            .max = 100},
    [90] = {.name = "ToleratedFailureCount", .type = MODEL_LONG, .has_min = true, .min = 0},
    [91] = {.name = "UpdateStateMachineInput", .type = MODEL_STRUCTURE, .members = members_91, .member_count = 8},
    [92] = {.name = "UpdateStateMachineAliasInput", .type = MODEL_STRUCTURE, .members = members_92, .member_count = 3},
    [93] = {.name = "ValidateStateMachineDefinitionInput",
            .type = MODEL_STRUCTURE,
            .members = members_93,
            .member_count = 4},
    [94] = {.name = "ValidateStateMachineDefinitionSeverity", .type = MODEL_STRING, .values = values_94},
    [95] = {.name = "ValidateStateMachineDefinitionMaxResult",
            .type = MODEL_INTEGER,
            .has_min = true,
            .min = 0,
            .has_max = true,
            .max = 100},
};

const struct model_operation model_operations[] = {
    {"CreateActivity", &shapes[0]},
    {"CreateStateMachine", &shapes[10]},
    {"CreateStateMachineAlias", &shapes[24]},
    {"DeleteActivity", &shapes[30]},
    {"DeleteStateMachine", &shapes[31]},
    {"DeleteStateMachineAlias", &shapes[32]},
    {"DeleteStateMachineVersion", &shapes[33]},
    {"DescribeActivity", &shapes[35]},
    {"DescribeExecution", &shapes[36]},
    {"DescribeMapRun", &shapes[38]},
    {"DescribeStateMachine", &shapes[39]},
    {"DescribeStateMachineAlias", &shapes[40]},
    {"DescribeStateMachineForExecution", &shapes[41]},
    {"GetActivityTask", &shapes[42]},
    {"GetExecutionHistory", &shapes[43]},
    {"ListActivities", &shapes[48]},
    {"ListExecutions", &shapes[49]},
    {"ListMapRuns", &shapes[53]},
    {"ListStateMachineAliases", &shapes[54]},
    {"ListStateMachineVersions", &shapes[55]},
    {"ListStateMachines", &shapes[56]},
    {"ListTagsForResource", &shapes[57]},
    {"PublishStateMachineVersion", &shapes[58]},
    {"RedriveExecution", &shapes[60]},
    {"SendTaskFailure", &shapes[62]},
    {"SendTaskHeartbeat", &shapes[66]},
    {"SendTaskSuccess", &shapes[67]},
    {"StartExecution", &shapes[69]},
    {"StartSyncExecution", &shapes[71]},
    {"StopExecution", &shapes[72]},
    {"TagResource", &shapes[73]},
    {"TestState", &shapes[74]},
    {"UntagResource", &shapes[85]},
    {"UpdateMapRun", &shapes[87]},
    {"UpdateStateMachine", &shapes[91]},
    {"UpdateStateMachineAlias", &shapes[92]},
    {"ValidateStateMachineDefinition", &shapes[93]},
};
const size_t model_operation_count = sizeof model_operations / sizeof model_operations[0];
