/*
 * retention_settings.h - the setting `retention`: a time for all, or in the configuration file a mapping.
 *
 *     retention: {default: 90d, machines: {Audit: forever, Ping: 1h}}
 *
 * A time on the command line or in the environment takes the place of the file's default; its machines stay.
 */
#ifndef ORCHESTRATOR_RETENTION_SETTINGS_H
#define ORCHESTRATOR_RETENTION_SETTINGS_H

struct err;
struct options;
struct retention;

/* NULL where everything is kept for ever. */
int retention_settings_read(const struct options *options, struct retention **ret_retention, struct err *err);

#endif
