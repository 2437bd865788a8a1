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

/* names, and the largest file in bytes */
#define SLOTS 20
#define MAX (80 * 1024)
/* versions of a file, or candidates of a name, above which the next operation makes it durable */
#define FORCE_SYNC 24

/*
 * A version of a file's content: @size bytes at @data, which has MAX. @older: the version before
 * it, or NULL for the durable one.
 */
struct version {
	uint8_t *data;
	long size;
	struct version *older;
};
/* A file. @last: its newest version. @nr: how many versions it has. @marked: for collect(). */
struct object {
	struct version *last;
	int nr, marked;
	/* an operation changed an unknown part of the file, so only its name is checked */
	int loose;
	struct object *next;
};
/* The objects that a name may be bound to after a crash; NULL: the name does not exist. */
struct name {
	struct object *cand[FORCE_SYNC + 8];
	int nr; /* the last is the present one */
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
/*
 * An operation on the names in slots @a and @b, and on @len bytes from @off. @n: its number, which
 * decides the bytes that it writes.
 */
struct step {
	enum op op;
	int a, b;
	long off, len;
	uint32_t n;
};

/* by slot */
extern struct name names[SLOTS];
/* all files to which a name may be bound */
extern struct object *objects;
/* not 0: the disk refuses requests; set at start */
extern int errors;

/* Begins without files, durably. Frees nothing. */
void model_clear(void);
/*
 * Applies a step that has ended with @result, a count or -errno. @maybe: it may have happened or
 * not.
 */
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
