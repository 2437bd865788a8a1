/* SPDX-License-Identifier: MIT */
/*
 * perform.c: the instructions of a stage, one after the other. An instruction that changes files is
 * a step: it runs in an instance and fills a layer of its own, unless the cache has that layer. The
 * folder of WORKDIR is made by the next step.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/build/build.h"
#include "tools/nestctl/build/send.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/core/word_list.h"

/* ---- variables ---- */

/* Returns the value of a variable of a stage, or NULL. */
static const char *get_variable(const void *arg, const char *name)
{
	const struct stage *s = arg;
	const char *value = config_env(&s->config, name);

	return value ? value : list_get(s->args, name);
}

struct variables stage_variables(const struct stage *s, const struct instruction *at)
{
	return (struct variables){ .at = at, .get = get_variable, .arg = s };
}

char *stage_path(const struct stage *s, const char *path)
{
	const char *dir = s->config.dir ? s->config.dir : "/";

	if (*path == '/')
		return format("%s", path);
	return format("%s%s%s", dir, strcmp(dir, "/") ? "/" : "", path);
}

/* ---- steps ---- */

/* True if the cached layer can be opened, which fails if the file below it has changed. */
static bool opens(const char *file)
{
	struct image_open o = { .file = file, .flags = IMAGE_RDONLY };

	if (image_open(&o))
		return false;
	image_close(o.image);
	return true;
}

/* Returns the layer that the step @key puts over the stage's layer. Its file need not exist. */
static struct layer next_layer(const struct stage *s, const char *key)
{
	struct layer l = { .file = cache_path(key, ".cow"),
		.depth = s->layer.depth >= DEPTH_MAX ? 2 : s->layer.depth + 1 };

	memcpy(l.key, key, sizeof(l.key));
	return l;
}

char **stage_folders(struct stage *s, char **words)
{
	for (char **f = s->folders; f && *f; f++)
		words = words_add(words, format("W%s", *f));
	return words;
}

bool stage_cached(struct build *b, struct stage *s, struct sha256 *sum, char key[65])
{
	key_list(sum, s->folders);
	sha256_end(sum, key);
	if (!b->no_cache && cache_has(key, ".cow") && opens(cache_path(key, ".cow"))) {
		s->layer = next_layer(s, key);
		s->folders = NULL;
		return true;
	}
	return false;
}

void stage_begin(struct build *b, struct stage *s, const char *key, struct step *st)
{
	if (s->layer.depth >= DEPTH_MAX)
		s->layer = layer_flat(&s->layer);
	st->on = &s->layer;
	st->layer = next_layer(s, key).file;
	st->mem = b->mem;
	unlink(st->layer); /* unusable, or --no-cache is given */
	b->made++;
	step_start(st);
}

void stage_end(struct build *b, struct stage *s, const char *key, struct step *st,
	const struct instruction *at)
{
	const char *why;
	int status = step_end(st, &why);

	if (status && *why)
		instruction_bad(at, "%s: %s", verb_name(at->verb), why);
	if (status && status > 128)
		instruction_bad(at, "%s: signal %d ended it", verb_name(at->verb), status - 128);
	if (status)
		instruction_bad(at, "%s: it ended with status %d", verb_name(at->verb), status);
	s->layer = next_layer(s, key);
	cache_note(s->layer.file);
	s->folders = NULL;
}

/* Makes folders of WORKDIR that no step has made. */
static void make_folders(struct build *b, struct stage *s, const struct instruction *at)
{
	struct step st = { .words = NULL };
	struct sha256 sum;
	char key[65];

	if (!s->folders)
		return;
	key_begin(&sum, s->layer.key, "dirs");
	if (stage_cached(b, s, &sum, key))
		return;
	st.words = stage_folders(s, words_add(NULL, format("dirs")));
	stage_begin(b, s, key, &st);
	stage_end(b, s, key, &st, at);
}

/* ---- RUN ---- */

/* Returns the command of RUN, from its text or from a heredoc alone. */
static char **run_words(const struct stage *s, const struct instruction *at)
{
	static const char as_file[] =
		"f=$(mktemp) && printf %s \"$0\" >\"$f\" && chmod 700 \"$f\" && \"$f\"; "
		"s=$?; rm -f \"$f\"; exit $s";
	const char *text = at->text;
	size_t name = text[0] == '<' && text[1] == '<' ? strcspn(text, " \t") : 0;

	if (!at->nr_docs)
		return config_command(&s->config, text);
	if (name && !text[name] && at->nr_docs == 1) {
		const char *script = at->docs[0].text;

		/* a script with its own interpreter is run as a file */
		if (!strncmp(script, "#!", 2))
			return words_add(words_add(words_add(words_add(NULL, format("/bin/sh")),
							   format("-c")),
						 format("%s", as_file)),
				format("%s", script));
		return config_command(&s->config, script);
	}
	for (size_t i = 0; i < at->nr_docs; i++)
		text = format(
			"%s%s%s%s\n", text, i ? "" : "\n", at->docs[i].text, at->docs[i].name);
	return config_command(&s->config, text);
}

/* Adds the words for the command's environment. The image's variables override arguments. */
static char **add_env(const struct stage *s, char **words)
{
	for (char **a = s->args; a && *a; a++)
		words = words_add(words, format("e%s", *a));
	for (char **e = s->config.env; e && *e; e++)
		words = words_add(words, format("e%s", *e));
	return words;
}

/* Returns the value of --net for RUN, or NULL. */
static const char *network(const struct build *b, const struct instruction *at)
{
	const char *own = instruction_flag(at, "network");

	if (!own || !strcmp(own, "default"))
		return b->net;
	if (strcmp(own, "none") != 0)
		instruction_bad(at, "--network=%s: there are none and default", own);
	return "none";
}

/* Sends all secrets to the agent and closes st->in. */
static void send_secrets(const struct build *b, struct step *st)
{
	struct send send;
	char digest[65];

	send_begin(&send, st->in, false);
	for (size_t i = 0; i < b->nr_secrets; i++)
		send_text(&send, b->secrets[i].id, 0400, b->secrets[i].text, b->secrets[i].size);
	send_end(&send, digest);
	close(st->in);
	st->in = -1;
}

static void perform_run(
	struct build *b, struct stage *s, size_t number, const struct instruction *at)
{
	struct step st = { .shown = true, .quiet = b->quiet };
	const char *net = network(b, at);
	char key[65], **command = run_words(s, at);
	struct sha256 sum;

	if (instruction_flag(at, "security") && strcmp(instruction_flag(at, "security"), "sandbox"))
		instruction_bad(at, "--security: there is sandbox only");
	if (!command || !*command)
		instruction_bad(at, "RUN: no command");
	st.words = words_add(NULL, format("run"));
	st.words = words_add(st.words, format("w%s", s->config.dir ? s->config.dir : "/"));
	if (s->config.user)
		st.words = words_add(st.words, format("u%s", s->config.user));
	st.words = add_env(s, st.words);
	key_begin(&sum, s->layer.key, "RUN");
	key_list(&sum, st.words);
	key_list(&sum, command);
	key_add(&sum, net && !strcmp(net, "none") ? "none" : "");
	mounts_read(b, s, number, at, &st, &sum);
	if (stage_cached(b, s, &sum, key))
		return;
	st.words = stage_folders(s, st.words);
	st.words = words_add(st.words, format("--"));
	for (; *command; command++)
		st.words = words_add(st.words, *command);
	if (net)
		st.options = words_add(st.options, format("--net=%s", net));
	stage_begin(b, s, key, &st);
	send_secrets(b, &st);
	stage_end(b, s, key, &st, at);
}

/* ---- the stage ---- */

/* Counts and prints an instruction that begins. */
static void say(struct build *b, const struct instruction *at)
{
	b->begun++;
	if (!b->quiet)
		fprintf(stderr, "[%u/%u] %s %s\n", b->begun, b->total, verb_name(at->verb),
			at->text);
}

static void perform(struct build *b, struct stage *s, size_t number, const struct instruction *at)
{
	const struct variables v = stage_variables(s, at);
	unsigned int made = b->made;

	say(b, at);
	if (config_apply(&s->config, &v)) {
		if (at->verb == VERB_WORKDIR)
			s->folders = words_add(s->folders, s->config.dir);
		return;
	}
	switch (at->verb) {
	case VERB_ARG: arg_apply(b, &v, &s->args, b->globals); return;
	case VERB_RUN: perform_run(b, s, number, at); break;
	case VERB_COPY:
	case VERB_ADD: perform_copy(b, s, number, at); break;
	default: instruction_bad(at, "%s cannot stand here", verb_name(at->verb));
	}
	if (made == b->made && !b->quiet)
		fputs("      from the cache\n", stderr);
}

/* Adds the arguments that work without an ARG, if they are given (docker's "predefined ARGs"). */
static void add_predefined(struct build *b, struct stage *s)
{
	static const char *const names[] = { "HTTP_PROXY", "http_proxy", "HTTPS_PROXY",
		"https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY",
		"all_proxy" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = list_get(b->given, names[i]);

		if (!value)
			continue;
		b->used = words_add(b->used, format("%s", names[i]));
		config_set(&s->args, format("%s=%s", names[i], value));
	}
}

/* Carries out the ONBUILD instructions of the stage's image. */
static void perform_triggers(struct build *b, struct stage *s, size_t number)
{
	char **list = s->config.onbuild;

	s->config.onbuild = NULL;
	for (; list && *list; list++) {
		struct instruction *i = xalloc(sizeof(*i));

		*i = instruction_parse(format("ONBUILD of %s", s->image), 1, *list, '\\');
		b->total++;
		perform(b, s, number, i);
	}
}

void stage_perform(struct build *b, size_t number)
{
	struct stage *s = &b->stages[number];

	say(b, s->from);
	if (s->parent >= 0) {
		const struct stage *p = &b->stages[s->parent];

		s->layer = p->layer;
		s->config = config_copy(&p->config);
	} else {
		struct source from = source_of(b, s->from, s->image);

		s->layer = b->size ? layer_grown(&from.layer, b->size) : from.layer;
		s->config = from.config;
	}
	s->config.has_command = false;
	add_predefined(b, s);
	perform_triggers(b, s, number);
	for (size_t i = s->first; i < s->end; i++)
		perform(b, s, number, &b->parsed.list[i]);
	make_folders(b, s, s->from);
	s->done = true;
}
