/* SPDX-License-Identifier: MIT */
/*
 * job.h: what nestctl wants the built-in init to run: the file /job, NUL-terminated strings, of which each but the last ones begins with a
 * letter that says what it is:
 *
 *	mMODE  "terminal", "channels", or "joined": output and errors are one channel, so that their order stays
 *	hNAME  the host name, also for /etc/hosts (empty: no change)    tTERM  the kind of terminal
 *	vDIR   where the host's folder number 0, 1 ... (the kernel's hostfs0= ...) is mounted; in their order
 *	eNAME=VALUE  environment             wDIR   where the command starts
 *	uUSER[:GROUP]  names or numbers      then an empty string and the command; none: the user's login shell
 */
#ifndef NESTLING_INIT_JOB_H
#define NESTLING_INIT_JOB_H

#include <stdbool.h>

#define JOB_VOLUMES_MAX 16
#define JOB_MAX (256 * 1024)

struct job {
	bool terminal, joined;
	const char *hostname, *term, *dir, *user;
	char *volumes[JOB_VOLUMES_MAX];
	int nr_volumes;
	char **env;  /* NAME=VALUE, ends in NULL */
	char **argv; /* empty: a login shell */
};

/* Reads /job: false with errno when it is none. */
bool job_read(struct job *job);
/* hosts.c: adds localhost and @name to /etc/hosts. */
void hosts_add(const char *name);
/* The command, as its user, in its folder: never returns; 126 or 127 when it cannot be run. */
void job_exec(const struct job *job) __attribute__((noreturn));

#endif
