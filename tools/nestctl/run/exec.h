/* SPDX-License-Identifier: MIT */
/* exec.h: runs a command in a running instance. */
#ifndef NESTLING_NESTCTL_EXEC_H
#define NESTLING_NESTCTL_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/nestctl/core/instance.h"

/*
 * The text of a job, which describes a command to the kernel (drivers/mconsole/exec_host.h): @size
 * bytes that the owner of the job frees. It begins as all zeros.
 */
struct exec_job {
	char *text;
	size_t size;
};
/* Adds a string with its NUL behind @letter, or without a letter if @letter is 0. */
void exec_job_add(struct exec_job *j, char letter, const char *text);

/*
 * The channels of a command: apart (input, output and errors have one each), joined (output and
 * errors share one, which keeps their order), or a terminal.
 */
enum channels { CHANNELS_APART, CHANNELS_JOINED, CHANNELS_TERMINAL };

/*
 * nestctl's ends of a command's channels (remote.c), which are sockets that the caller closes.
 * @control carries packets (exec_host.h). @err is -1 if errors have no channel of their own.
 */
struct remote {
	int control, in, out, err;
};
/*
 * Starts a command. Waits up to 30 s for an instance that still boots. Dies if its image is not
 * mounted then, or if the instance refuses or does not answer.
 */
struct remote remote_start(const struct instance *in, const struct exec_job *j, enum channels kind);
/*
 * Runs a program of the instance, without a shell, without input and as root. @argv ends in NULL.
 * Returns the program's output as a string that the caller frees, or NULL if the exit status is not
 * 0. After 4 MiB no more output is read, and the program's next write fails. Dies if the instance
 * refuses or does not answer.
 */
char *remote_read(const struct instance *in, const char *const *argv);

#define EXEC_ENV_MAX 256
#define EXEC_GROUPS_MAX 64

/*
 * Settings of an instance's main program, which exec applies to its command (exec_config.c). A
 * pointer is NULL if the setting is missing.
 */
struct exec_config {
	/* NAME=VALUE; the last entry of a name counts */
	const char *env[EXEC_ENV_MAX];
	size_t nr_env;
	/* @user: USER[:GROUP]. @dir: the working folder. */
	const char *user, *dir;
	/* names or numbers from --group-add */
	const char *groups[EXEC_GROUPS_MAX];
	size_t nr_groups;
	/* bits of the capabilities that the program can ever have */
	uint64_t caps;
};
/*
 * Fills @c. An image that is gone or unreadable has no settings. Of a machine only @caps is set,
 * since its users log in. The memory of texts is never freed.
 */
void exec_config_read(struct exec_config *c, const struct instance *in);

/* A user of the instance (exec_user.c). The memory of texts is never freed. */
struct exec_user {
	char *ids; /* "UID:GID:GID..." */
	/*
	 * @name: the user's name, or the number that was given. @home, @shell: from /etc/passwd,
	 * or "/" and "/bin/sh".
	 */
	const char *name, *home, *shell;
};
/*
 * Finds a user from @text, USER[:GROUP] by name or number, with the groups of @config. @text NULL:
 * root. Reads /etc/passwd and /etc/group in the instance. Dies if a name is in neither; a number
 * need not be in them. Takes at most 64 groups of the user from /etc/group.
 */
struct exec_user exec_user_find(
	const struct instance *in, const char *text, const struct exec_config *config);

#endif
