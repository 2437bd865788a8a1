/* SPDX-License-Identifier: MIT */
/*
 * ignore.c: see ignore.h. A pattern is compiled to an automaton with a state for each of its
 * elements (struct place). All possible states are followed at once, so a match takes at most the
 * product of both lengths in steps.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/build/ignore.h"
#include "tools/nestctl/core/nestctl.h"

/* ---- one pattern ---- */

#define PATTERN_MAX 4096

/* The kinds of a pattern's elements. */
enum kind { ONE, ANY_ONE, STAR, TREE, SET };
/* An element of a pattern. */
struct place {
	enum kind kind;
	unsigned char c;
	/* TREE: the element is "**" and the slash after it, and may also match nothing */
	bool dir;
	/* SET: the text between the brackets */
	const char *set, *set_end;
	bool negated;
};

/* True if the set has the character, or lacks it if it is negated. */
static bool in_set(const struct place *p, unsigned char c)
{
	bool in = false;

	for (const char *s = p->set; s < p->set_end;) {
		unsigned char low, high;

		s += *s == '\\' && s + 1 < p->set_end;
		low = high = (unsigned char)*s++;
		if (s + 1 < p->set_end && *s == '-') {
			s++;
			s += *s == '\\' && s + 1 < p->set_end;
			high = (unsigned char)*s++;
		}
		in = in || (c >= low && c <= high);
	}
	return in != p->negated && c != '/';
}

/* Reads the set "[...]" at @p. Returns the text after it, or NULL if it has no end. */
static const char *read_set(const char *p, struct place *to)
{
	const char *q = p + 1;

	to->kind = SET;
	to->negated = *q == '^' || *q == '!';
	q += to->negated;
	to->set = q;
	for (q += *q == ']'; *q && *q != ']'; q++)
		q += *q == '\\' && q[1];
	to->set_end = q;
	return *q == ']' ? q + 1 : NULL;
}

/*
 * Splits a pattern into at most PATTERN_MAX elements. Returns their number, which is also the state
 * of a complete match.
 */
static size_t compile(const char *p, struct place *places)
{
	size_t n = 0;

	while (*p && n < PATTERN_MAX) {
		struct place *to = &places[n++];
		const char *end;

		*to = (struct place){ .kind = ONE };
		if (p[0] == '*' && p[1] == '*') {
			to->kind = TREE;
			while (*p == '*')
				p++;
			to->dir = *p == '/';
			p += to->dir;
		} else if (*p == '*') {
			to->kind = STAR;
			p++;
		} else if (*p == '?') {
			to->kind = ANY_ONE;
			p++;
		} else if (*p == '[' && (end = read_set(p, to))) {
			p = end;
		} else {
			to->kind = ONE;
			p += *p == '\\' && p[1];
			to->c = (unsigned char)*p++;
		}
	}
	return n;
}

/* Adds state @i to the set @on, and the states that are reached from it without a character. */
static void enter(const struct place *places, size_t n, bool *on, size_t i)
{
	while (!on[i]) {
		on[i] = true;
		if (i == n || (places[i].kind != STAR && places[i].kind != TREE))
			return;
		i++;
	}
}

/* Sets @next to the states that are reached from those in @on by @c. */
static void step(const struct place *places, size_t n, const bool *on, bool *next, unsigned char c)
{
	for (size_t i = 0; i < n; i++) {
		const struct place *p = &places[i];

		if (!on[i])
			continue;
		switch (p->kind) {
		case ONE:
			if (c == p->c)
				enter(places, n, next, i + 1);
			break;
		case ANY_ONE:
			if (c != '/')
				enter(places, n, next, i + 1);
			break;
		case SET:
			if (in_set(p, c))
				enter(places, n, next, i + 1);
			break;
		case STAR:
			if (c != '/')
				enter(places, n, next, i);
			break;
		case TREE:
			/* p->dir: the next element matches only after a slash */
			next[i] = true;
			if (!p->dir || c == '/')
				enter(places, n, next, i + 1);
			break;
		}
	}
}

bool pattern_fits(const char *pattern, const char *path)
{
	static struct place places[PATTERN_MAX];
	static bool sets[2][PATTERN_MAX + 1];
	size_t n = compile(pattern, places);
	int now = 0;

	memset(sets[0], 0, n + 1);
	enter(places, n, sets[0], 0);
	for (; *path; path++, now = !now) {
		memset(sets[!now], 0, n + 1);
		step(places, n, sets[now], sets[!now], (unsigned char)*path);
	}
	return sets[now][n];
}

bool pattern_is(const char *text)
{
	return strpbrk(text, "*?[\\");
}

/* ---- .dockerignore ---- */

#define LINES_MAX 4096

/* The lines of a .dockerignore. @takes_in: the line begins with "!". */
struct ignore {
	size_t nr;
	bool exceptions;
	struct {
		const char *pattern;
		bool takes_in;
	} lines[LINES_MAX];
};

/* Returns "a/b" for "/a//./b/". */
static char *clean(const char *p)
{
	char *out = xalloc(strlen(p) + 2), *end = out;

	while (*p) {
		size_t n = strcspn(p, "/");

		if (n && !(n == 1 && *p == '.')) {
			if (end != out)
				*end++ = '/';
			memcpy(end, p, n);
			end += n;
		}
		p += n + (p[n] == '/');
	}
	return out;
}

static void add_line(struct ignore *ig, const char *from, size_t n)
{
	char *line = format("%.*s", (int)n, from), *pattern = line + strspn(line, " \t\r");
	bool takes_in;

	n = strlen(pattern);
	while (n && strchr(" \t\r", pattern[n - 1]))
		pattern[--n] = '\0';
	takes_in = *pattern == '!';
	if (*pattern == '#' || !*pattern || (takes_in && !pattern[1]))
		return;
	if (ig->nr == LINES_MAX)
		die(".dockerignore: more than %d lines", LINES_MAX);
	pattern = clean(pattern + takes_in);
	if (!*pattern)
		return;
	ig->exceptions = ig->exceptions || takes_in;
	ig->lines[ig->nr].pattern = pattern;
	ig->lines[ig->nr++].takes_in = takes_in;
}

struct ignore *ignore_parse(const char *text)
{
	struct ignore *ig = xalloc(sizeof(*ig));

	while (*text) {
		size_t n = strcspn(text, "\n");

		add_line(ig, text, n);
		text += n + (text[n] == '\n');
	}
	return ig;
}

/* True if the pattern matches the path or one of its parent folders. */
static bool fits_or_parent(const char *pattern, const char *path)
{
	char *part;

	if (pattern_fits(pattern, path))
		return true;
	part = strdup(path);
	for (char *slash; part && (slash = strrchr(part, '/'));) {
		*slash = '\0';
		if (pattern_fits(pattern, part)) {
			free(part);
			return true;
		}
	}
	free(part);
	return false;
}

bool ignore_has(const struct ignore *ig, const char *path)
{
	bool out = false;

	for (size_t i = 0; ig && i < ig->nr; i++)
		if (ig->lines[i].takes_in == out && fits_or_parent(ig->lines[i].pattern, path))
			out = !out;
	return out;
}

bool ignore_has_exceptions(const struct ignore *ig)
{
	return ig && ig->exceptions;
}
