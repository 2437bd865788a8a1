/* SPDX-License-Identifier: MIT */
/*
 * instance.h: running instances, and what the host's /proc shows of them without a request to them.
 */
#ifndef NESTLING_NESTCTL_INSTANCE_H
#define NESTLING_NESTCTL_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct instance {
	/* @folder: path of the folder with its management console (umid.h) */
	const char *name, *folder;
	pid_t pid; /* the kernel's process */
	/* @argv: the kernel's command line, ending in NULL. @text: the memory of its words. */
	char **argv, *text;
	/* the last name in the parameter of disk ubd0, mostly its backing or only file; or "" */
	const char *image;
	/* seconds since the instance began; instances_measure() sets this and the next three */
	double age;
	/* seconds of processor time that the instance's living processes have used */
	double cpu;
	/* bytes of host memory that the instance occupies */
	uint64_t memory;
	/* the kernel's process and its living descendants */
	int processes;
};

/*
 * Return the pid of a process's parent, and the time when the process began, in clock ticks since
 * the host's boot. Both return 0 if there is no such process.
 */
pid_t process_parent(pid_t pid);
unsigned long long process_start(pid_t pid);

/*
 * True if @is returns true for a file that the process has open, or if its open files cannot be
 * read because they are another user's. False if the process has gone.
 */
bool process_has_open(pid_t pid, bool (*is)(const struct stat *st, void *arg), void *arg);
/* For process_has_open(): true if the file is that of the struct stat @wanted. */
bool is_file_of(const struct stat *st, void *wanted);

/*
 * Returns the running instances in both folders of umid_home(), sorted by name. The caller frees
 * them by instances_free(). *count: their number, which may be 0. An instance runs if a process
 * serves its management console. @only, if not NULL: returns just the instances of this name, at
 * most one in each folder.
 */
struct instance *instances_find(const char *only, size_t *count);
/*
 * Reads age, processor time, memory and number of processes, once for each result of
 * instances_find(). Scans all processes of the host for them.
 */
void instances_measure(struct instance *all, size_t n);
/* Frees the @n instances and their texts, except those at @image. */
void instances_free(struct instance *all, size_t n);
/*
 * Returns the running instance called @name; if each home has one of this name, one of the two.
 * @name NULL: returns the only running instance. Dies if no instance runs, or if @name is NULL and
 * several run. The memory is never freed.
 */
struct instance instance_find(const char *name);

#endif
