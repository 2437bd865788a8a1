/* SPDX-License-Identifier: MIT */
/*
 * step.h: runs the agent (agent/agent.h) in an instance, over a layer that becomes the step's
 * result, or over one that is discarded.
 *
 *      struct step s = { .on = &layer, .words = words };
 *      step_start(&s); ... write to s.in, read from s.out ...; status = step_end(&s, &why);
 *
 * The instance is a child of this process and ends with it. The child executes this program again
 * with the verb "build-step", which is `nestctl run` with the agent.
 */
#ifndef NESTLING_NESTCTL_BUILD_STEP_H
#define NESTLING_NESTCTL_BUILD_STEP_H

#include <stdbool.h>
#include <sys/types.h>

#include "tools/nestctl/build/cache.h"

#define STEP_DISKS 8

struct step {
	const struct layer *on;
	/* words for the agent, the verb first; ends in NULL */
	char **words;
	/* options for `nestctl run`, ending in NULL; or NULL */
	char **options;
	/* files of further disks, ubdb first. @written: bit N is set if disk N is writable. */
	const char *disks[STEP_DISKS];
	int nr_disks;
	unsigned int written;
	/* absolute path of the layer to make, or NULL to discard it */
	const char *layer;
	/* show the agent's output and errors at once; otherwise @out is a pipe with its output */
	bool shown;
	/* with @shown: show them only at the end, and only if the step has failed */
	bool quiet;
	/* a text for --mem, or NULL */
	const char *mem;
	/* descriptor from step_add_stream(), or 0 */
	int stream;
	/* ---- set by step_start() ---- */
	/*
	 * @in: the agent's input. @out: its output, or -1. @said: memory file of its messages, or
	 * -1. @fd: the layer, or -1.
	 */
	int in, out, said, fd;
	pid_t pid;
};

/*
 * Gives the instance the stream of files in the memory or temporary file @fd as a disk, which the
 * agent reads in place of its standard input. Enlarges the file to whole sectors. @fd must stay
 * open until the step's end. At most STEP_DISKS disks. Dies on an error.
 */
void step_add_stream(struct step *s, int fd);
/* Starts the instance. Ignores SIGPIPE from now on. Dies on an error. */
void step_start(struct step *s);
/*
 * Closes the pipes, waits for the end and returns the exit status (128 + N after signal N). If it
 * is 0 the layer gets its name. *why, unless @why is NULL: the agent's last message, or "" if its
 * messages were shown.
 */
int step_end(struct step *s, const char **why);

#endif
