/* SPDX-License-Identifier: MIT */
/*
 * frame.h: a frame of `nestctl watch`: two samples as text for people, or as JSON. The text depends
 * only on its arguments, so that frames of a recording can be compared.
 */
#ifndef NESTLING_NESTCTL_FRAME_H
#define NESTLING_NESTCTL_FRAME_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/nestctl/watch/sample.h"

#define HISTORY 240

/* The rates of earlier frames, for the graphs. The latest is the last. */
struct history {
	int n; /* how many are valid */
	double calls[HISTORY], faults[HISTORY], packets[HISTORY], requests[HISTORY];
};

struct frame {
	const struct samples *of; /* the instance's name and mode */
	/*
	 * rates are the increase from @old to @new per second between both samples; an empty @old
	 * has counters of 0, and the time of the boot, or in a recording of the first sample
	 */
	const struct sample *old, *new;
	const struct history *history; /* or NULL */
	int columns;                   /* of the screen */
	/* lines of the screen, or 0 for any number of lines */
	int rows;
	/* text at the right end of the first line, such as "paused", or NULL */
	const char *note;
	/* the last line, or NULL */
	const char *keys;
};

/* Writes the lines of a frame, each with a newline. */
void frame_print(FILE *out, const struct frame *f);
/* Writes the frame as a line of JSON to standard output (docs/guide/watch.md). */
void frame_print_json(const struct frame *f);
/* Adds the rates of a frame, which are per second between both samples. */
void history_add(struct history *h, const struct sample *old, const struct sample *new);
/*
 * Writes a graph of the last @n of @nr values, none negative: for each a block character, whose
 * height (one of eight) is its share of the largest value.
 */
void put_graph(FILE *out, const double *values, int nr, int n);

#endif
