/* SPDX-License-Identifier: MIT */
/*
 * frame.h: what `nestctl watch` shows: two samples as text for people, or as JSON. The text depends
 * on nothing but its arguments, so that the frames of a recording can be compared.
 */
#ifndef NESTLING_NESTCTL_FRAME_H
#define NESTLING_NESTCTL_FRAME_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/nestctl/watch/sample.h"

#define HISTORY 240

/* The rates of earlier frames, for the graphs. */
struct history {
	int n; /* of the last ones that are kept */
	double calls[HISTORY], faults[HISTORY], packets[HISTORY], requests[HISTORY];
};

struct frame {
	const struct samples *of; /* the instance's name and mode */
	/* the rates are those between the two; @old empty: what there was since the boot */
	const struct sample *old, *new;
	const struct history *history; /* or NULL */
	int columns;
	/* 0: as many as there are lines */
	int rows;
	/* at the right end of the first line: "paused" */
	const char *note;
	/* the last line, or NULL */
	const char *keys;
};

/* Writes the lines of a frame, each with its end. */
void frame_print(FILE *out, const struct frame *f);
/* Writes one line of JSON on standard output (docs/guide/watch.md). */
void frame_print_json(const struct frame *f);
/* Adds the rates of a frame. */
void history_add(struct history *h, const struct sample *old, const struct sample *new);
/* Writes @n characters of a graph of the last values: blocks of eight heights up to the largest. */
void put_graph(FILE *out, const double *values, int nr, int n);

#endif
