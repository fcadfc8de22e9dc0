/*
 * machine.h - the record of a state machine: one document that holds its versions, aliases and tags too,
 * so that every change of any of them is one compare-and-swap.
 *
 *   {name, type, createdMs, updatedMs, published (when it was made), revision..., lastVersion,
 *    versions: [{number, createdMs, description?, revision...}],
 *    aliases: [{name, description?, routing: [{version, weight}], createdMs, updatedMs}],
 *    tags: [{key, value}]}
 *   revision: definitionKey, roleArn, revisionId?, loggingConfiguration, tracingConfiguration, encryptionConfiguration
 *
 * The members of a revision stand in the record itself and in each version, so that both can be read alike.
 * Versions stand in ascending order, aliases in the order in which they were made.
 */
#ifndef RUNTIME_SERVICE_MACHINE_H
#define RUNTIME_SERVICE_MACHINE_H

#include "runtime/service/service_priv.h"

/*
 * Reads the machine that an ARN names, whatever its qualifier. False: the call has failed
 * (StateMachineDoesNotExist). A record that was read is the caller's and may be changed.
 */
bool machine_read(struct service_call *call, const struct arn *arn, struct json_object **ret_machine,
                  int64_t *ret_version);
/* The same to look at only: the record may be shared and is not to be changed. */
bool machine_look(struct service_call *call, const struct arn *arn, struct json_object **ret_machine);
/* Puts the changed record into the batch. */
void machine_write(struct service_call *call, struct json_object *machine, int64_t version);
void machine_fail_missing(struct service_call *call, const struct arn *arn);
/* The ARN is that of a Map inside the machine: ValidationException. */
void machine_fail_labelled(struct service_call *call);

/* The version with the number in a qualifier, or NULL. Borrowed. */
struct json_object *machine_version(struct json_object *machine, const char *number, size_t *ret_index);
/* The alias of that name, or NULL. Borrowed. */
struct json_object *machine_alias(struct json_object *machine, const char *name, size_t *ret_index);
/* A version of an alias, drawn by weight: its number. */
int64_t machine_alias_draw(struct json_object *alias);
/*
 * Publishes the current revision, unless its latest version is one and has this description (NULL: any): the number of
 * its version; 0: too many versions.
 */
int64_t machine_publish(struct service_call *call, struct json_object *machine, const char *description);
/* "arn:...:stateMachine:NAME"; heap. */
char *machine_arn(const struct service *service, struct json_object *machine);
/* Removes element `index` of an array. */
void array_remove(struct json_object *array, size_t index);
/* The array that is a member of the record. Borrowed. */
struct json_object *record_array(struct json_object *record, const char *name);
bool machine_is_express(struct json_object *machine);

/* Adds loggingConfiguration, tracingConfiguration and encryptionConfiguration of a revision. */
void revision_add_configuration(struct json_object *output, struct json_object *revision);
/* Adds variableReferences of its definition, where it has any. */
void revision_add_variables(struct service *service, struct json_object *output, struct json_object *revision);

#endif
