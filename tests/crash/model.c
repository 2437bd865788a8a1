// SPDX-License-Identifier: MIT
/* model.c: follows steps of churn.c on a model of names and files. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct name names[SLOTS];
int errors;
struct object *objects;

void model_clear(void)
{
	int i;

	memset(names, 0, sizeof(names));
	for (i = 0; i < SLOTS; i++)
		names[i].nr = 1;
	objects = NULL;
}

struct object *now(int slot)
{
	struct name *n = &names[slot];

	return n->cand[n->nr - 1];
}

static void bind(int slot, struct object *o)
{
	struct name *n = &names[slot];

	n->cand[n->nr++] = o;
}

static void name_durable(int slot)
{
	struct name *n = &names[slot];

	n->cand[0] = n->cand[n->nr - 1];
	n->nr = 1;
}

static void data_durable(struct object *o)
{
	struct version *v = o->last->older, *next;

	for (; v; v = next) {
		next = v->older;
		free(v->data);
		free(v);
	}
	o->last->older = NULL;
	o->nr = 1;
}

/* Adds a version, a copy of the last one, which the caller then changes. */
static struct version *version(struct object *o)
{
	struct version *v = calloc(1, sizeof(*v));

	v->data = calloc(1, MAX);
	if (o->last) {
		memcpy(v->data, o->last->data, MAX);
		v->size = o->last->size;
	}
	v->older = o->last;
	o->last = v;
	o->nr++;
	return v;
}

static struct object *object_new(void)
{
	struct object *o = calloc(1, sizeof(*o));

	o->next = objects;
	objects = o;
	version(o);
	return o;
}

void collect(void)
{
	struct object **p = &objects, *o;
	int i, k;

	for (o = objects; o; o = o->next)
		o->marked = 0;
	for (i = 0; i < SLOTS; i++)
		for (k = 0; k < names[i].nr; k++)
			if (names[i].cand[k])
				names[i].cand[k]->marked = 1;
	while ((o = *p)) {
		if (o->marked) {
			p = &o->next;
			continue;
		}
		*p = o->next;
		data_durable(o);
		free(o->last->data);
		free(o->last);
		free(o);
	}
}

/* From now on the contents of the object are unknown. */
static void loosen(struct object *o)
{
	o->loose = 1;
	data_durable(o);
}

static void all_durable(int data)
{
	struct object *o;
	int i;

	for (i = 0; i < SLOTS; i++)
		name_durable(i);
	for (o = objects; data && o; o = o->next)
		data_durable(o);
	collect();
}

uint8_t content(const struct step *s, long i)
{
	return (uint8_t)((s->n * 2654435761U >> 11) + (uint32_t)(i * 7 + 1)) |
	       1; /* never the zero of a hole */
}
static void wrote(const struct step *s, long n)
{
	struct version *v = version(now(s->a));
	long i;

	for (i = 0; i < n; i++)
		v->data[s->off + i] = content(s, i);
	if (s->off + n > v->size)
		v->size = s->off + n;
}

static void zeroed(struct version *v, long off, long end)
{
	if (end > MAX)
		end = MAX;
	if (off < end)
		memset(v->data + off, 0, (size_t)(end - off));
}

static void change(const struct step *s)
{
	struct version *v = version(now(s->a));

	if (s->op == TRUNCATE) {
		zeroed(v, s->off, MAX);
		v->size = s->off;
	} else if (s->op == PUNCH) {
		zeroed(v, s->off, s->off + s->len < v->size ? s->off + s->len : v->size);
	} else {
		if (s->op == ZERO)
			zeroed(v, s->off, s->off + s->len);
		if ((s->op == ZERO || s->n % 2 == 0) && s->off + s->len > v->size)
			v->size = s->off + s->len;
	}
}

/*
 * @n bytes at s->off are durable, and with them the file's size up to their end. Other bytes may
 * not be.
 */
static void range_durable(const struct step *s, long n)
{
	struct version *v;

	for (v = now(s->a)->last->older; v; v = v->older) {
		memcpy(v->data + s->off, now(s->a)->last->data + s->off, (size_t)n);
		if (v->size < s->off + n)
			v->size = s->off + n;
	}
}

int changes_contents(enum op op)
{
	return op != CREATE && op != RENAME && op != LINK && op != UNLINK && op < FSYNCDIR;
}

int is_end(const struct step *s, int result)
{
	return errors && (result == -EROFS || (result == -EIO && !changes_contents(s->op)));
}

/* @maybe: the step may have happened or not, completely or in part. */
void model_apply(const struct step *s, int result, int maybe)
{
	struct object *o = s->op < FSYNCDIR ? now(s->a) : NULL;

	if (errors && result < 0 && !maybe && o && changes_contents(s->op)) {
		loosen(o);
		return;
	}
	if (result < 0 && !maybe) {
		if (s->op == PUNCH || s->op == ALLOCATE || s->op == ZERO)
			o->loose = 1; /* part of the range, and the size with it */
		return;
	}
	switch (s->op) {
	case CREATE: bind(s->a, object_new()); break;
	case WRITE:
	case APPEND: wrote(s, maybe ? s->len : result); break;
	case MAP: wrote(s, s->len); break;
	case SYNCWRITE:
		wrote(s, maybe ? s->len : result);
		if (!maybe)
			range_durable(s, result), name_durable(s->a);
		break;
	case TRUNCATE:
	case PUNCH:
	case ALLOCATE:
	case ZERO: change(s); break;
	case RENAME:
		if (now(s->b) == o)
			/* two names of one file: rename does nothing */
			break;
		bind(s->b, o);
		bind(s->a, NULL);
		break;
	case LINK: bind(s->b, o); break;
	case UNLINK: bind(s->a, NULL); break;
	case FSYNC:
		if (!maybe)
			data_durable(o), name_durable(s->a);
		break;
	case FDATASYNC:
	case MSYNC:
		if (!maybe && o->last->size)
			data_durable(o);
		break;
	case SYNC:
		if (!maybe && !errors)
			all_durable(1);
		break;
	default:
		if (!maybe)
			all_durable(s->op != FSYNCDIR && !errors);
	}
}
