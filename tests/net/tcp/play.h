/* SPDX-License-Identifier: MIT */
/*
 * play.h: shared by script.c (files, processes, the link) and play.c (the statements of one
 * script).
 */
#ifndef PLAY_H
#define PLAY_H

#include "segment.h"

#define LINES_MAX 160

/* A script: @nr lines of a file. */
struct script {
	const char *file;
	char title[160];
	int first_line, nr;
	bool is_long, alone, v6;
	char *line[LINES_MAX];
	int number[LINES_MAX]; /* of the line in its file */
};

/*
 * The descriptors of a script's process: frames of the link, and lines from and to the agent,
 * without the ID.
 */
struct wires {
	int id, frames, lines_in, lines_out;
	struct ends ends;
	/* factor for all times of the script */
	double slack;
};

/*
 * Runs a script. Returns 0, or 1 with the reason and its line in @why, a text of at most @size
 * bytes.
 */
int play(const struct script *s, const struct wires *w, char *why, size_t size);

#endif
