/* SPDX-License-Identifier: MIT */
/*
 * model.h: what a disk may hold after a crash, as churn.c follows it: names with their candidates,
 * files with their versions (churn.c says what these are).
 *
 *	model_clear();				nothing is there, and that is durable
 *	model_apply(&step, result, 0);		the step ended with this result
 *	model_apply(&step, 0, 1);		it may have happened or not
 */
#ifndef TESTS_CRASH_MODEL_H
#define TESTS_CRASH_MODEL_H

#include <stdint.h>

#define SLOTS 20
#define MAX (80 * 1024)
/* Versions of a file, or candidates of a name, above which the next operation makes it durable. */
#define FORCE_SYNC 24

struct version {
	uint8_t *data;
	long size;
	struct version *older;
};
struct object {
	struct version *last;
	int nr, marked;
	/* a part of something was done to it, nobody knows which: only its name is checked */
	int loose;
	struct object *next;
};
struct name {
	struct object *cand[FORCE_SYNC + 8];
	int nr; /* the last one is what it is bound to now */
};

enum op {
	CREATE,
	WRITE,
	APPEND,
	TRUNCATE,
	PUNCH,
	ALLOCATE,
	ZERO,
	MAP,
	RENAME,
	LINK,
	UNLINK,
	FSYNC,
	FDATASYNC,
	SYNCWRITE,
	MSYNC,
	FSYNCDIR,
	SYNCFS,
	SYNC,
	NR_OPS
};
struct step {
	enum op op;
	int a, b;
	long off, len;
	uint32_t n;
};

/* by slot */
extern struct name names[SLOTS];
/* all that a name may be bound to */
extern struct object *objects;
/* whether the disk refuses requests; set at start */
extern int errors;

void model_clear(void);
void model_apply(const struct step *s, int result, int maybe);
/* Returns the object that the name of @slot is bound to now, or NULL. */
struct object *now(int slot);
/* Frees objects to which no name can be bound any more. */
void collect(void);
/* Returns the byte at @i of what @s writes. */
uint8_t content(const struct step *s, long i);
/* True if @s changes what a file contains. */
int changes_contents(enum op op);
/* True if @result leaves open whether @s has happened, so that its process ends. */
int is_end(const struct step *s, int result);

#endif
