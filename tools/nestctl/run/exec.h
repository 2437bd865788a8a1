/* SPDX-License-Identifier: MIT */
/* exec.h: runs a command in a running instance. */
#ifndef NESTLING_NESTCTL_EXEC_H
#define NESTLING_NESTCTL_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/nestctl/core/instance.h"

/* The job's text (drivers/mconsole/exec_host.h), as it grows. */
struct exec_job {
	char *text;
	size_t size;
};
void exec_job_add(struct exec_job *j, char letter, const char *text); /* letter 0: none */

/* Three channels; or errors go where the output goes, which keeps their order; or a terminal. */
enum channels { CHANNELS_APART, CHANNELS_JOINED, CHANNELS_TERMINAL };

/* Our ends of a command's channels; err is -1 without a channel of its own (remote.c). */
struct remote {
	int control, in, out, err;
};
/* Starts a command. Dies if the instance refuses. */
struct remote remote_start(const struct instance *in, const struct exec_job *j, enum channels kind);
/*
 * Runs a program that needs no input. Returns its output, terminated, or NULL if it could not be
 * run or failed.
 */
char *remote_read(const struct instance *in, const char *const *argv);

#define EXEC_ENV_MAX 256
#define EXEC_GROUPS_MAX 64

/* What the main program of an instance has (exec_config.c); NULL: it has none. */
struct exec_config {
	/* NAME=VALUE; of a name that comes twice the last counts */
	const char *env[EXEC_ENV_MAX];
	size_t nr_env;
	const char *user, *dir;
	/* of --group-add, names or numbers */
	const char *groups[EXEC_GROUPS_MAX];
	size_t nr_groups;
	/* the capabilities that it may ever have, bits */
	uint64_t caps;
};
void exec_config_read(struct exec_config *c, const struct instance *in);

/* USER[:GROUP] of the instance, by name or number, with the @config's groups (exec_user.c). */
struct exec_user {
	char *ids; /* "UID:GID:GID..." */
	const char *name, *home, *shell;
};
struct exec_user exec_user_find(
	const struct instance *in, const char *text, const struct exec_config *config);

#endif
