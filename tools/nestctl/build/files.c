/* SPDX-License-Identifier: MIT */
/*
 * files.c: COPY and ADD. Files of the context are read first for the key of the step. If the cache
 * lacks the step, they are read again into a temporary file, and a difference dies with a message.
 * The temporary file is a disk of the instance, which is ten times as fast as a console. Files of a
 * stage or an image are on a second disk, from which the agent copies them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "tools/nestctl/build/build.h"
#include "tools/nestctl/build/send.h"
#include "tools/nestctl/build/unpack.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/core/word_list.h"

/*
 * A COPY or ADD. @docs: its @nr_docs heredocs. @to: the target. @folder: the target is a folder.
 * @keeps: the owners of an archive are kept.
 */
struct copy {
	struct build *b;
	struct stage *s;
	const struct instruction *at;
	char **sources; /* as written, with variables expanded */
	char **paths;   /* paths in the context */
	const struct heredoc *docs;
	size_t nr_docs;
	const char *to;
	bool folder, keeps;
};

static bool is_url(const char *text)
{
	static const char *const kinds[] = { "http://", "https://", "ftp://", "git://", "git@",
		"ssh://" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strncasecmp(text, kinds[i], strlen(kinds[i])))
			return true;
	return false;
}

/* True if @text ends in @end. */
static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), len = strlen(end);

	return n >= len && !strcmp(text + n - len, end);
}

/* Reads the words of the instruction: sources and target. */
static void read_words(struct copy *c)
{
	const struct variables v = stage_variables(c->s, c->at);
	char **words = words_list(&v, c->at->text);
	size_t n = words_count(words);
	const char *to;

	if (n < 2)
		instruction_bad(c->at, "%s needs sources and a target", verb_name(c->at->verb));
	to = words[n - 1];
	if (!*to)
		instruction_bad(c->at, "the target is empty");
	for (size_t i = 0; i + 1 < n; i++) {
		if (is_url(words[i]))
			instruction_bad(c->at,
				"%s: files of the network are not fetched; get it before, and COPY "
				"it",
				words[i]);
		if (strncmp(words[i], "<<", 2) != 0 || !c->at->nr_docs)
			c->sources = words_add(c->sources, words[i]);
	}
	c->docs = c->at->docs;
	c->nr_docs = c->at->nr_docs;
	c->folder = n > 2 || ends_in(to, "/") || !strcmp(to, ".") || ends_in(to, "/.") ||
		    !strcmp(to, "..") || ends_in(to, "/..");
	c->to = stage_path(c->s, to);
}

/* ---- sources in the context ---- */

static void send_docs(const struct copy *c, struct send *s)
{
	const struct variables v = stage_variables(c->s, c->at);

	for (size_t i = 0; i < c->nr_docs; i++) {
		const struct heredoc *d = &c->docs[i];
		const char *text = d->raw ? d->text : words_expand_text(&v, d->text);

		send_text(s, d->name, 0644, text, strlen(text));
	}
}

/* Sends all files to @to, or only hashes them if @to is -1. Writes their digest. */
static void send_all(const struct copy *c, int to, char digest[65])
{
	struct send s;

	send_begin(&s, to, c->keeps);
	if (!c->b->quiet)
		s.shown = to < 0 ? "look at the files" : "copy the files";
	for (char **p = c->paths; p && *p; p++) {
		int fd = c->keeps ? context_open_file(&c->b->context, c->at, *p) : -1;

		if (fd >= 0 && unpack_is_archive(fd))
			unpack_send(fd, *p, &s);
		else
			context_send(&c->b->context, c->at, *p, &s);
		if (fd >= 0)
			close(fd);
	}
	send_docs(c, &s);
	send_end(&s, digest);
	progress_end();
}

/* Sets c->paths. Dies if the target does not fit them. */
static void find_paths(struct copy *c)
{
	const struct context *from = &c->b->context;

	for (char **source = c->sources; source && *source; source++)
		for (char **p = context_find(from, c->at, *source); *p; p++)
			c->paths = words_add(c->paths, *p);
	if (words_count(c->paths) + c->nr_docs > 1 && !c->folder)
		instruction_bad(c->at, "several files: the target must end in /");
	/* ADD unpacks an archive into the target folder, with the archive's owners */
	for (char **p = c->paths; c->at->verb == VERB_ADD && p && *p; p++) {
		int fd = context_open_file(from, c->at, *p);

		if (fd < 0)
			continue;
		if (unpack_is_archive(fd))
			c->keeps = c->folder = true;
		close(fd);
	}
}

/* ---- all sources ---- */

/* Adds words for target, owner and mode to the step, and their text to @sum, for its key. */
static void add_words(const struct copy *c, struct step *st, struct sha256 *sum)
{
	const struct variables v = stage_variables(c->s, c->at);
	const char *owner = instruction_flag(c->at, "chown"),
		   *mode = instruction_flag(c->at, "chmod");
	char **first = st->words;

	st->words = words_add(first, format("d%s", c->to));
	if (c->folder)
		st->words = words_add(st->words, format("D"));
	if (c->keeps)
		st->words = words_add(st->words, format("k"));
	owner = owner ? words_expand(&v, owner) : NULL;
	if (owner && *owner)
		/* a number without a group is also the group's number */
		st->words = words_add(st->words,
			format("o%s%s%s", owner, owner[strspn(owner, "0123456789")] ? "" : ":",
				owner[strspn(owner, "0123456789")] ? "" : owner));
	mode = mode ? words_expand(&v, mode) : NULL;
	if (mode && (!*mode || mode[strspn(mode, "01234567")] || strlen(mode) > 5))
		instruction_bad(c->at, "--chmod=%s: expected an octal number", mode);
	if (mode)
		st->words = words_add(st->words, format("m%s", mode));
	key_list(sum, st->words);
}

/* Carries out a COPY or ADD from the context. copy_from() does so from the image or stage @from. */
static void copy_context(struct copy *c)
{
	struct step st = { .words = words_add(NULL, format("put")) };
	char key[65], digest[65], again[65];
	struct sha256 sum;
	int fd;

	find_paths(c);
	send_all(c, -1, digest);
	key_begin(&sum, c->s->layer.key, "COPY");
	key_add(&sum, digest);
	add_words(c, &st, &sum);
	if (stage_cached(c->b, c->s, &sum, key))
		return;
	fd = temporary_file("the files of a step");
	send_all(c, fd, again);
	if (strcmp(digest, again) != 0)
		instruction_bad(c->at, "files of the context changed while they were read");
	step_add_stream(&st, fd);
	st.words = stage_folders(c->s, st.words);
	stage_begin(c->b, c->s, key, &st);
	stage_end(c->b, c->s, key, &st, c->at);
	close(fd);
}

static void copy_from(struct copy *c, size_t number, const char *from)
{
	struct step st = { .words = words_add(NULL, format("from")) };
	int stage = stage_find(c->b, from, number);
	struct layer layer =
		stage >= 0 ? c->b->stages[stage].layer : source_of(c->b, c->at, from).layer;
	struct sha256 sum;
	char key[65];

	key_begin(&sum, c->s->layer.key, "COPY --from");
	key_add(&sum, layer.key);
	key_list(&sum, c->sources);
	add_words(c, &st, &sum);
	if (stage_cached(c->b, c->s, &sum, key))
		return;
	st.words = stage_folders(c->s, st.words);
	st.words = words_add(st.words, format("subdb\tro"));
	st.words = words_add(st.words, format("--"));
	for (char **source = c->sources; *source; source++)
		st.words = words_add(st.words, **source == '/' ? *source : format("/%s", *source));
	st.disks[st.nr_disks++] = layer.file;
	stage_begin(c->b, c->s, key, &st);
	stage_end(c->b, c->s, key, &st, c->at);
}

void perform_copy(struct build *b, struct stage *s, size_t number, const struct instruction *at)
{
	struct copy c = { .b = b, .s = s, .at = at };
	const char *from = instruction_flag(at, "from");

	read_words(&c);
	if (from && (c.nr_docs || !c.sources))
		instruction_bad(at, "--from and a heredoc exclude each other");
	if (from)
		copy_from(&c, number, from);
	else
		copy_context(&c);
}
