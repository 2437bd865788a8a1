/* SPDX-License-Identifier: MIT */
/*
 * step.h: an instance in which the agent works (agent/agent.h), over a layer that a step fills, or
 * over one that is thrown away.
 *
 *      struct step s = { .on = &layer, .words = words };
 *      step_start(&s); ... write to s.in, read from s.out ...; why = step_end(&s);
 *
 * The instance is a child of this process and ends with it. It is nestctl's own program once more,
 * with the verb "build-step", which runs `nestctl run` with the agent.
 */
#ifndef NESTLING_NESTCTL_BUILD_STEP_H
#define NESTLING_NESTCTL_BUILD_STEP_H

#include <stdbool.h>
#include <sys/types.h>

#include "tools/nestctl/build/cache.h"

#define STEP_DISKS 8

struct step {
	const struct layer *on;
	/* the agent's words, its verb first; ends in NULL */
	char **words;
	/* options of nestctl run; ends in NULL; or NULL */
	char **options;
	/* further disks, ubdb first; those of the set @written are written to */
	const char *disks[STEP_DISKS];
	int nr_disks;
	unsigned int written;
	/* a full path of the layer to be made; NULL: none is kept */
	const char *layer;
	/* the agent's output and errors are shown as they come; otherwise @out is a pipe */
	bool shown;
	/* of a step that is shown: only what has failed is, at its end */
	bool quiet;
	const char *mem;
	/* of step_add_stream(), or 0 */
	int stream;
	/* ---- set by step_start() ---- */
	int in, out, said, fd;
	pid_t pid;
};

/*
 * Gives the instance a stream of files as a disk, which stays open until the step's end. The agent
 * reads it instead of its standard input.
 */
void step_add_stream(struct step *s, int fd);
void step_start(struct step *s);
/*
 * Waits for the end. Returns its status. The layer has its name once it was 0. *@why, unless it is
 * NULL: the last line that the agent has said, "" if it was shown.
 */
int step_end(struct step *s, const char **why);

#endif
