/* encryption.c - encryptionConfiguration of state machines and activities. */
#include "runtime/service/service_priv.h"

#include "asl/base/json.h"

#include <string.h>

bool encryption_read(struct service_call *call, struct json_object **ret_encryption)
{
    struct json_object *given = NULL;

    *ret_encryption = NULL;
    json_member(call->input, "encryptionConfiguration", &given);
    if (!given)
        return true;
    struct json_object *period = NULL;
    bool own_key = strcmp(json_member_text(given, "type"), "CUSTOMER_MANAGED_KMS_KEY") == 0;
    const char *key = json_member_text(given, "kmsKeyId");
    json_member(given, "kmsDataKeyReusePeriodSeconds", &period);
    if (own_key && key == NULL) {
        call_fail(call, "InvalidEncryptionConfiguration",
                  "Invalid Encryption Configuration: Must set a valid kmsKeyId.");
        return false;
    }
    if (own_key) {
        call_fail(
            call, "InvalidEncryptionConfiguration",
            "Invalid Encryption Configuration: 'CUSTOMER_MANAGED_KMS_KEY' is not possible here: this server has no "
            "provider of keys and keeps data as they are. Use 'AWS_OWNED_KEY', and encrypt the disk of the store.");
        return false;
    }
    if (key || period) {
        call_fail(call, "InvalidEncryptionConfiguration",
                  "Invalid Encryption Configuration: Custom %s is not allowed when selecting AWS_OWNED_KEY.",
                  key ? "kmsKeyId" : "kmsDataKeyReusePeriodSeconds");
        return false;
    }
    *ret_encryption = json_object_get(given);
    return true;
}
