/* SPDX-License-Identifier: MIT */
/* words.c: see words.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/build/words.h"
#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/core/nestctl.h"

#define DEPTH_MAX 32
#define EXPANDED_MAX (1L << 20)

/* ---- variables ---- */

/* An expansion into the memory stream @out. @depth: nested braces. */
struct expansion {
	const struct variables *v;
	FILE *out;
	int depth;
	bool quotes; /* quotes are special characters */
};

static const char *expand_until(struct expansion *e, const char *p, char end);

static void put(struct expansion *e, const char *text)
{
	fputs(text, e->out);
	if (ftell(e->out) > EXPANDED_MAX)
		instruction_bad(e->v->at, "more than %ld bytes of text", EXPANDED_MAX);
}

/* Expands the text up to @end into new memory. *p moves to @end. */
static char *expand_part(struct expansion *e, const char **p, char end)
{
	size_t size;
	char *text;
	struct expansion part = *e;

	if (++part.depth > DEPTH_MAX)
		instruction_bad(e->v->at, "variables are nested more than %d deep", DEPTH_MAX);
	part.out = open_memstream(&text, &size);
	if (!part.out)
		die("out of memory");
	*p = expand_until(&part, *p, end);
	if (fclose(part.out))
		die("out of memory");
	return text;
}

/* Returns the length of the variable's name at @p, or 0. */
static size_t name_length(const char *p)
{
	size_t n = 0;

	if (isdigit((unsigned char)*p))
		return 1;
	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

/* Expands the text after "${". Returns the text after "}". */
static const char *expand_braces(struct expansion *e, const char *p)
{
	const struct instruction *at = e->v->at;
	size_t n = name_length(p);
	char *name = format("%.*s", (int)n, p), *word;
	const char *value = n ? e->v->get(e->v->arg, name) : NULL;
	bool colon, set;
	char how;

	if (!n)
		instruction_bad(at, "'${%.20s' has no name of a variable", p);
	p += n;
	colon = *p == ':';
	set = value && (!colon || *value);
	how = p[colon];
	if (!colon && how == '}') {
		put(e, value ? value : "");
		return p + 1;
	}
	if (!how || !strchr("-+?", how))
		instruction_bad(at, "${%s%.10s: only :- :+ :? - + ? are known", name, p);
	p += colon + 1;
	word = expand_part(e, &p, '}');
	if (*p != '}')
		instruction_bad(at, "'${%s' has no end", name);
	if (how == '?' && !set)
		instruction_bad(at, "%s: %s", name, *word ? word : "is not set");
	if (how == '+')
		put(e, set ? word : "");
	else
		put(e, set ? value : word);
	return p + 1;
}

/* Expands the text after "$". */
static const char *expand_variable(struct expansion *e, const char *p)
{
	size_t n;

	if (*p == '{')
		return expand_braces(e, p + 1);
	n = name_length(p);
	if (!n) {
		put(e, "$");
		return p;
	}
	const char *value = e->v->get(e->v->arg, format("%.*s", (int)n, p));

	put(e, value ? value : "");
	return p + n;
}

static void put_char(struct expansion *e, char c)
{
	putc(c, e->out);
}

/* Expand the text after a quote. Return the text after the closing quote. */
static const char *expand_single(struct expansion *e, const char *p)
{
	for (; *p && *p != '\''; p++)
		put_char(e, *p);
	if (!*p)
		instruction_bad(e->v->at, "a single quote has no end");
	return p + 1;
}

static const char *expand_double(struct expansion *e, const char *p)
{
	const char escape = e->v->at->escape;

	while (*p && *p != '"') {
		if (*p == escape && p[1] && (p[1] == '"' || p[1] == '$' || p[1] == escape)) {
			put_char(e, p[1]);
			p += 2;
		} else if (*p == '$') {
			p = expand_variable(e, p + 1);
		} else {
			put_char(e, *p++);
		}
	}
	if (!*p)
		instruction_bad(e->v->at, "a double quote has no end");
	return p + 1;
}

static const char *expand_until(struct expansion *e, const char *p, char end)
{
	while (*p && *p != end) {
		if (*p == '$') {
			p = expand_variable(e, p + 1);
		} else if (e->quotes && *p == '\'') {
			p = expand_single(e, p + 1);
		} else if (e->quotes && *p == '"') {
			p = expand_double(e, p + 1);
		} else if (*p == e->v->at->escape && p[1] &&
			   (e->quotes || p[1] == '$' || p[1] == e->v->at->escape)) {
			put_char(e, p[1]);
			p += 2;
		} else {
			put_char(e, *p++);
		}
	}
	return p;
}

static char *expand_all(const struct variables *v, const char *text, bool quotes)
{
	size_t size;
	char *out;
	struct expansion e = { .v = v, .quotes = quotes };

	e.out = open_memstream(&out, &size);
	if (!e.out)
		die("out of memory");
	expand_until(&e, text, '\0');
	if (fclose(e.out))
		die("out of memory");
	return out;
}

char *words_expand(const struct variables *v, const char *text)
{
	return expand_all(v, text, true);
}

char *words_expand_text(const struct variables *v, const char *text)
{
	return expand_all(v, text, false);
}

/* ---- lists ---- */

/* Returns the end of the word at @p. */
static const char *word_end(const struct instruction *i, const char *p)
{
	char quote = '\0';

	for (; *p; p++) {
		if (*p == i->escape && p[1] && quote != '\'')
			p++;
		else if (quote)
			quote = *p == quote ? '\0' : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == ' ' || *p == '\t')
			break;
	}
	return p;
}

char **words_split(const struct instruction *i, const char *text)
{
	char **words = xalloc((strlen(text) / 2 + 2) * sizeof(*words));
	size_t n = 0;

	for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
		const char *end = word_end(i, text);

		words[n++] = format("%.*s", (int)(end - text), text);
		text = end;
	}
	return words;
}

struct json_try {
	const char *text;
	const struct json *list;
};

static void try_json(void *arg)
{
	struct json_try *t = arg;

	t->list = json_parse(t->text, strlen(t->text), "a list");
}

char **words_json(const char *text)
{
	struct json_try t = { .text = text };
	char **words;
	size_t n = 0;

	if (text[strspn(text, " \t")] != '[' || attempt(try_json, &t) || !t.list ||
		t.list->kind != JSON_LIST)
		return NULL;
	for (const struct json *j = t.list->first; j; j = j->next, n++)
		if (j->kind != JSON_TEXT)
			return NULL;
	words = xalloc((n + 1) * sizeof(*words));
	n = 0;
	for (const struct json *j = t.list->first; j; j = j->next)
		words[n++] = j->text;
	return words;
}

char **words_list(const struct variables *v, const char *text)
{
	char **words = words_json(text);

	if (!words)
		words = words_split(v->at, text);
	for (char **w = words; *w; w++)
		*w = words_expand(v, *w);
	return words;
}
