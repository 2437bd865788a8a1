/* SPDX-License-Identifier: MIT */
/*
 * sample.h: the counters of an instance at one moment, for `nestctl watch`. They come from the
 * instance, or from a recording (docs/guide/watch.md has the format).
 *
 *      struct samples all = { 0 };
 *      sample_take(&all.at[0], ...)   or   samples_read(&all, file)
 *      figure_increase(&old, figure_of_new, field)
 */
#ifndef NESTLING_NESTCTL_SAMPLE_H
#define NESTLING_NESTCTL_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/nestctl/core/umid.h"

#define SAMPLE_NAME 32
#define SAMPLE_FIELDS 4

/*
 * The kinds of figures. section_name() and section_field() return their words. Each comment names
 * the fields.
 */
enum section {
	/* user, system, idle, other; ticks of 10 ms */
	SECTION_CPU,
	SECTION_CALL, /* calls, errors */
	/* faults, major, us. There is always a figure "all". */
	SECTION_FAULT,
	/* count. Figures of the hand-off, and the scheduler's switches and forks. */
	SECTION_ENTRY,
	/* in_packets, in_bytes, out_packets, out_bytes */
	SECTION_NET,
	/* reads, read_bytes, writes, written_bytes */
	SECTION_DISK,
	/* bytes. The only section without counters. */
	SECTION_MEMORY,
	NR_SECTIONS
};

struct figure {
	enum section section;
	char name[SAMPLE_NAME];
	uint64_t v[SAMPLE_FIELDS];
};

struct sample_task {
	/* @cpu: number of the task's vCPU */
	int pid, tid, ppid, cpu;
	/* the task ran on @cpu at the moment of the sample */
	bool running;
	char state; /* the letter of /proc/PID/stat */
	/* processor time in both modes, ns */
	uint64_t user, system;
	char name[SAMPLE_NAME];
};

struct sample {
	double at; /* seconds since the first sample */
	struct figure *figures;
	size_t nr_figures;
	struct sample_task *tasks;
	size_t nr_tasks;
};

/* A recording, or the latest samples of a running instance. */
struct samples {
	/* @instance: its name. @mode: as of sample_take(). */
	char instance[SAMPLE_NAME * 3], mode[SAMPLE_NAME];
	struct sample *at;
	size_t n;
};

/* Returns a word such as "cpu". */
const char *section_name(enum section s);
/* Returns the name of the field @field, 0 to SAMPLE_FIELDS, or NULL past the section's last. */
const char *section_field(enum section s, int field);

/*
 * Adds an empty figure or task, and returns it; it is valid until the next addition. Control
 * characters of the name become '?', and a long name is cut.
 */
struct figure *sample_figure(struct sample *s, enum section section, const char *name);
struct sample_task *sample_task(struct sample *s, const char *name);
/* Frees the figures and tasks, and empties @s. */
void sample_free(struct sample *s);
/* Returns the figure of @s with this section and name, or NULL. */
const struct figure *sample_find(const struct sample *s, enum section section, const char *name);
/*
 * Returns the increase of a counter since @old, which counts as 0 if @old lacks it. Returns 0 if
 * the counter was reset meanwhile.
 */
uint64_t figure_increase(const struct sample *old, const struct figure *f, int field);
/*
 * Returns the ns of processor time that the task has used since @old, or all of them if @old lacks
 * the task.
 */
uint64_t task_increase(const struct sample *old, const struct sample_task *t);

/*
 * Requests a sample from the instance, which the caller frees by sample_free(). Does not set s->at.
 * Returns false, with an empty *s, if the instance does not answer in time or has ended. @mode, if
 * not NULL, has SAMPLE_NAME bytes and gets the word that names how system calls are intercepted.
 */
bool sample_take(struct sample *s, struct umid_console *c, char *mode);

/*
 * sample_file.c: recordings. samples_write_head() writes the head, sample_write() one sample. An
 * error sets ferror(@f).
 */
void samples_write_head(FILE *f, const struct samples *all);
void sample_write(FILE *f, const struct sample *s);
/*
 * Fills @all, which is empty, from a recording, which is untrusted. Dies with a message that names
 * the wrong line of the file. Dies, too, if the recording has fewer than two samples.
 */
void samples_read(struct samples *all, const char *path);

#endif
