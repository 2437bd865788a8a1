/* SPDX-License-Identifier: MIT */
/* instance.h: running instances, and what the host knows of them without asking them. */
#ifndef NESTLING_NESTCTL_INSTANCE_H
#define NESTLING_NESTCTL_INSTANCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct instance {
	const char *name, *folder;
	pid_t pid;
	/* the kernel's command line, ends in NULL; the memory of its words */
	char **argv, *text;
	const char *image; /* the last file of its first disk, or "" */
	/* by instances_measure(): seconds since it began */
	double age;
	/* seconds that its living processes have used */
	double cpu;
	/* bytes of the host's memory that it occupies */
	uint64_t memory;
	int processes;
};

/*
 * Returns the instances whose management console is served, sorted by name. @only: just this one.
 * Looks in both homes of names.
 */
struct instance *instances_find(const char *only, size_t *count);
/* Reads age, processor time and memory; scans all processes of the host for them. */
void instances_measure(struct instance *all, size_t n);
void instances_free(struct instance *all, size_t n);
/* Returns that instance, or dies if it does not run. @name NULL: the only running one. */
struct instance instance_find(const char *name);

#endif
