/* SPDX-License-Identifier: MIT */
/* instance.h: the instances that run, and what the host knows of them without asking them. */
#ifndef NESTLING_NESTCTL_INSTANCE_H
#define NESTLING_NESTCTL_INSTANCE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct instance {
	const char *name, *folder;
	pid_t pid;
	char **argv, *text; /* the kernel's command line, ends in NULL; what its words are in */
	const char *image;  /* the last file of its first disk, or "" */
	double age;         /* seconds since it began */
	double cpu;      /* seconds that its processes have used; those that ended are not in it */
	uint64_t memory; /* bytes of the host's memory that it holds */
	int processes;
};

/*
 * Those whose management console is served, by name; @only: no others than this one. Both homes of names are looked through.
 */
struct instance *instances_find(const char *only, size_t *count);
void instances_free(struct instance *all, size_t n);
/* That one; dies when it does not run. @name NULL: the only one that runs. */
struct instance instance_find(const char *name);

#endif
