/* SPDX-License-Identifier: MIT */
/* health.h: health checks: a command in a detached instance tests whether its program works. */
#ifndef NESTLING_NESTCTL_HEALTH_H
#define NESTLING_NESTCTL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct service;
struct run;

/*
 * The check of an instance, with docker's meanings. Times are in ns. If a time or @retries is 0,
 * the image's setting or docker's default applies.
 */
struct health_spec {
	/* "CMD" WORD..., "CMD-SHELL" TEXT or "NONE", ending in NULL. Empty: not set. */
	char **test;
	int64_t interval, timeout, start_period, start_interval;
	unsigned int retries;
};

enum health { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
/* Returns docker's word for the state, such as "starting". */
const char *health_word(enum health h);

/*
 * Returns the check of an instance, from the user's options, the image's settings and docker's
 * defaults. Its list @test is empty if there is no check. Dies on an error.
 */
struct health_spec health_of_run(const struct run *r);
/*
 * Parses a time in docker's form, "1m30s" or "500ms", given to the option @name. Returns ns. Dies
 * if it has another form, or is above 0 and below 1 ms.
 */
int64_t health_time(const char *text, const char *name);

/* ---- for the supervisor; times are in ns of CLOCK_BOOTTIME ---- */

/*
 * Begins the checks of s->spec.health, if it has one, once the command has started. @s must stay
 * valid.
 */
void health_begin(const struct service *s, int64_t now);
/* Ends the checks, once the command has ended. */
void health_end(void);
/* Returns the time at which health_step() is to be called, or 0 for never. */
int64_t health_due(void);
/*
 * Starts a check as a child of this process if one is due. Kills the running check if it has taken
 * too long.
 */
void health_step(int64_t now);
/*
 * Takes the result of a check. True if @pid, which has ended with the wait(2) status @status, was
 * the check.
 */
bool health_reap(pid_t pid, int status, int64_t now);
/* Returns the present state. *failing: how many checks in a row have failed. */
enum health health_now(unsigned int *failing);

#endif
