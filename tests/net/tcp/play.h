/* SPDX-License-Identifier: MIT */
/*
 * play.h: what script.c (files, processes, the link) and play.c (the statements of one script) know
 * of each other.
 */
#ifndef PLAY_H
#define PLAY_H

#include "segment.h"

#define LINES_MAX 160

struct script {
	const char *file;
	char title[160];
	int first_line, nr;
	bool is_long, alone, v6;
	char *line[LINES_MAX];
	int number[LINES_MAX]; /* of the line in its file */
};

/* The link and the agent, as a script's process has them: frames, and lines without the ID. */
struct wires {
	int id, frames, lines_in, lines_out;
	struct ends ends;
	/* how many times longer than said things may take */
	double slack;
};

/* 0, or 1 with @why (of @size bytes) what was wrong, and where. */
int play(const struct script *s, const struct wires *w, char *why, size_t size);

#endif
