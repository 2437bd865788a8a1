/* SPDX-License-Identifier: MIT */
/* health.h: whether the program of a detached instance does its work, as a command inside says. */
#ifndef NESTLING_NESTCTL_HEALTH_H
#define NESTLING_NESTCTL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct service;
struct run;

/* What is checked, with docker's meanings. Times in ns; 0: docker's default, as of an image. */
struct health_spec {
	/* "CMD" WORD..., "CMD-SHELL" TEXT or "NONE"; ends in NULL; empty: nothing was said */
	char **test;
	int64_t interval, timeout, start_period, start_interval;
	unsigned int retries;
};

enum health { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
/* Returns docker's word: "none", "starting" ... */
const char *health_word(enum health h);

/*
 * Returns what holds for an instance: the user's options, the image's settings, docker's defaults.
 * Without a check its list is empty. Dies on an error.
 */
struct health_spec health_of_run(const struct run *r);
/* Parses docker's times, "1m30s" or "500ms", for the option @name. Dies on an error. */
int64_t health_time(const char *text, const char *name);

/* ---- of the supervisor; times are CLOCK_BOOTTIME's, in ns ---- */

/* The command has started: checks begin. */
void health_begin(const struct service *s, int64_t now);
/* It has ended: there are no checks. */
void health_end(void);
/* Returns when health_step() is due, or 0: never. */
int64_t health_due(void);
/* Starts a check, or ends one that takes too long. */
void health_step(int64_t now);
/* True if @pid was the check. Its result is in health_now() then. */
bool health_reap(pid_t pid, int status, int64_t now);
enum health health_now(unsigned int *failing);

#endif
