/* SPDX-License-Identifier: MIT */
/* exec.h: a command in a running instance. */
#ifndef NESTLING_NESTCTL_EXEC_H
#define NESTLING_NESTCTL_EXEC_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/nestctl/core/instance.h"

/* The job's text (drivers/mconsole/exec_host.h), as it grows. */
struct exec_job {
	char *text;
	size_t size;
};
void exec_job_add(struct exec_job *j, char letter, const char *text); /* letter 0: none */

/* Three; errors go where the output goes, so that their order stays; or a terminal. */
enum channels { CHANNELS_APART, CHANNELS_JOINED, CHANNELS_TERMINAL };

/* remote.c: our ends of a command's channels; err -1 where it has none of its own. */
struct remote {
	int control, in, out, err;
};
/* Dies when the instance refuses. */
struct remote remote_start(const struct instance *in, const struct exec_job *j, enum channels kind);
/* Runs a program that needs no input and gives what it writes, terminated; NULL: it could not be run or failed. */
char *remote_read(const struct instance *in, const char *const *argv);

/* exec_user.c: USER[:GROUP] of the instance, by name or number. */
struct exec_user {
	char *ids; /* "UID:GID:GID..." */
	const char *name, *home, *shell;
};
struct exec_user exec_user_find(const struct instance *in, const char *text);

#endif
