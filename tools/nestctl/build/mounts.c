/* SPDX-License-Identifier: MIT */
/*
 * mounts.c: RUN --mount=type=bind|cache|tmpfs|secret. A folder of the context is mounted by hostfs,
 * read-only. A stage, an image or a cache is a further disk of the instance. A secret goes through
 * the agent's input into a tmpfs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/nestctl/build/build.h"
#include "tools/nestctl/build/send.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/word_list.h"

#define PLACE "/dev/shm/.build"

/* A --mount. Texts are NULL if they are missing. */
struct mount {
	const char *type, *target, *source, *from, *id, *size, *mode, *owner;
	const char *uid, *gid, *env;
	bool required;
};

/* What functions for a mount need: the arguments of mounts_read(). */
struct mounts {
	struct build *b;
	struct stage *s;
	size_t number; /* number of the stage */
	const struct instruction *at;
	struct step *st;
	struct sha256 *sum;
};

/* Returns the field for a key of --mount, or NULL if the key is unknown. */
static const char **field_of(struct mount *m, const char *name)
{
	const struct {
		const char *name;
		const char **field;
	} fields[] = { { "type", &m->type }, { "target", &m->target }, { "dst", &m->target },
		{ "destination", &m->target }, { "source", &m->source }, { "src", &m->source },
		{ "from", &m->from }, { "id", &m->id }, { "size", &m->size }, { "mode", &m->mode },
		{ "uid", &m->uid }, { "gid", &m->gid }, { "env", &m->env } };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!strcmp(fields[i].name, name))
			return fields[i].field;
	return NULL;
}

static struct mount parse(const struct mounts *w, const char *text)
{
	const struct variables v = stage_variables(w->s, w->at);
	struct mount m = { .type = "bind" };
	char *copy = format("%s", text), *word;

	while ((word = strsep(&copy, ","))) {
		char *value = strchr(word, '=');
		const char **field;

		if (value)
			*value++ = '\0';
		field = field_of(&m, word);
		if (field && value)
			*field = words_expand(&v, value);
		else if (!strcmp(word, "required"))
			m.required = !value || strcmp(value, "false") != 0;
		else if ((!strcmp(word, "rw") || !strcmp(word, "readwrite")) &&
			 (!value || strcmp(value, "false") != 0) && !strcmp(m.type, "bind"))
			instruction_bad(w->at, "--mount: a bind is read-only; rw is not there");
		else if (strcmp(word, "ro") != 0 && strcmp(word, "readonly") != 0 &&
			 strcmp(word, "sharing") != 0 && strcmp(word, "rw") != 0)
			instruction_bad(w->at, "--mount: '%s' is not known", word);
	}
	m.owner = format("%s:%s", m.uid ? m.uid : "0", m.gid ? m.gid : "0");
	if (m.target)
		m.target = stage_path(w->s, m.target);
	if ((m.target && strchr(m.target, '\t')) || (m.source && strchr(m.source, '\t')))
		instruction_bad(w->at, "--mount: a path with a tab");
	return m;
}

/* Adds a word for the agent. */
static void add(const struct mounts *w, char *word)
{
	w->st->words = words_add(w->st->words, word);
}

/* Adds a disk, which the agent mounts. Returns its device name. */
static const char *add_disk(const struct mounts *w, const char *file, bool written)
{
	struct step *st = w->st;
	const char *device;

	for (int i = 0; i < st->nr_disks; i++)
		if (!strcmp(st->disks[i], file))
			return format("ubd%c", 'b' + i);
	if (st->nr_disks == STEP_DISKS)
		instruction_bad(w->at, "more than %d disks for mounts", STEP_DISKS);
	device = format("ubd%c", 'b' + st->nr_disks);
	st->written |= (unsigned int)written << st->nr_disks;
	st->disks[st->nr_disks++] = file;
	add(w, format("s%s%s", device, written ? "" : "\tro"));
	return device;
}

/* Adds the words, disks and options for a mount of type bind. */
static void add_bind(const struct mounts *w, const struct mount *m)
{
	const char *source = m->source ? m->source : "";
	char digest[65];
	struct send s;

	if (m->from) {
		int stage = stage_find(w->b, m->from, w->number);
		struct layer layer = stage >= 0 ? w->b->stages[stage].layer :
						  source_of(w->b, w->at, m->from).layer;

		key_add(w->sum, layer.key);
		add(w, format("b" PLACE "/%s/%s\t%s", add_disk(w, layer.file, false),
			       source + (*source == '/'), m->target));
		return;
	}
	/* the step's key depends on the files that RUN can read, as on those of COPY */
	send_begin(&s, -1, false);
	for (char **p = context_find(&w->b->context, w->at, source); *p; p++)
		context_send(&w->b->context, w->at, *p, &s);
	send_end(&s, digest);
	key_add(w->sum, digest);
	const char *real = context_real(&w->b->context, w->at, source);
	const char *place = format(PLACE "/bind%zu", words_count(w->st->options));

	if (strchr(real, ':'))
		instruction_bad(w->at, "--mount: %s: a path with a colon", real);
	w->st->options = words_add(w->st->options, format("--volume=%s:%s:ro", real, place));
	add(w, format("b%s\t%s", place, m->target));
}

static void add_cache(const struct mounts *w, const struct mount *m)
{
	if (m->from || m->source)
		instruction_bad(w->at, "--mount=type=cache: from and source are not known");
	add(w, format("c" PLACE "/%s/data\t%s\t%s\t%s",
		       add_disk(w, cache_disk(m->id ? m->id : m->target), true), m->target,
		       m->mode ? m->mode : "0755", m->owner));
}

static void add_secret(const struct mounts *w, const struct mount *m)
{
	const char *id = m->id ? m->id : m->source;
	const struct secret *secret = NULL;

	if (!id && m->target)
		id = strrchr(m->target, '/') + 1;
	if (!id)
		instruction_bad(w->at, "--mount=type=secret needs id=NAME");
	for (size_t i = 0; i < w->b->nr_secrets; i++)
		if (!strcmp(w->b->secrets[i].id, id))
			secret = &w->b->secrets[i];
	if (!secret && m->required)
		instruction_bad(
			w->at, "the secret %s is not given (--secret id=%s,src=FILE)", id, id);
	if (!secret)
		return;
	if (m->env && memchr(secret->text, '\0', secret->size))
		instruction_bad(w->at, "the secret %s cannot be a variable", id);
	if (m->env)
		add(w, format("E%s\t%s", m->env, id));
	if (!m->env || m->target)
		add(w, format("f%s\t%s\t%s\t%s", id,
			       m->target ? m->target : format("/run/secrets/%s", id),
			       m->mode ? m->mode : "0400", m->owner));
}

void mounts_read(struct build *b, struct stage *s, size_t number, const struct instruction *at,
	struct step *st, struct sha256 *sum)
{
	const struct mounts w = { b, s, number, at, st, sum };

	for (size_t i = 0; i < at->nr_flags; i++) {
		const char *text = at->flags[i].value;
		struct mount m;

		if (strcmp(at->flags[i].name, "mount") != 0)
			continue;
		if (!text)
			instruction_bad(at, "--mount needs type=...");
		key_add(sum, text);
		m = parse(&w, text);
		if (!m.target && strcmp(m.type, "secret") != 0)
			instruction_bad(at, "--mount needs a target");
		if (!strcmp(m.type, "bind"))
			add_bind(&w, &m);
		else if (!strcmp(m.type, "cache"))
			add_cache(&w, &m);
		else if (!strcmp(m.type, "secret"))
			add_secret(&w, &m);
		else if (!strcmp(m.type, "tmpfs"))
			add(&w, format("t%s\t%s", m.target, m.size ? m.size : ""));
		else
			instruction_bad(at,
				"--mount=type=%s: there are bind, cache, secret and tmpfs", m.type);
	}
}
