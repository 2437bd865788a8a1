/* SPDX-License-Identifier: MIT */
/* json_in.c: a recursive-descent parser of bounded depth; see json_in.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/core/nestctl.h"

#define DEPTH_MAX 32

/* The text that is left is [p, end). */
struct parser {
	const char *p, *end, *what;
	int depth;
};

static void bad(const struct parser *s)
{
	die("%s: this is not JSON", s->what);
}

static void skip_space(struct parser *s)
{
	while (s->p < s->end && (*s->p == ' ' || (*s->p >= '\t' && *s->p <= '\r')))
		s->p++;
}

/* Takes the character @c, if it comes next, and the white space in front of it. */
static bool take(struct parser *s, char c)
{
	skip_space(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static unsigned int four_digits(struct parser *s)
{
	unsigned int n = 0;

	if (s->end - s->p < 4)
		bad(s);
	for (int i = 0; i < 4; i++, s->p++) {
		if (!isxdigit((unsigned char)*s->p))
			bad(s);
		n = n << 4 |
		    (unsigned int)(isdigit((unsigned char)*s->p) ? *s->p - '0' :
								   (*s->p | 32) - 'a' + 10);
	}
	return n;
}

/*
 * Parses the hex digits after "\u" into one character of UTF-8. A pair of surrogates is one
 * character.
 */
static char *unicode(struct parser *s, char *out)
{
	unsigned int c = four_digits(s);

	if (c >> 10 == 0xd800 >> 10) {
		if (s->end - s->p < 2 || memcmp(s->p, "\\u", 2))
			bad(s);
		s->p += 2;
		unsigned int low = four_digits(s);

		if (low >> 10 != 0xdc00 >> 10)
			bad(s);
		c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
	} else if (c >> 10 == 0xdc00 >> 10) {
		bad(s);
	}
	if (!c)
		die("%s: a text with a NUL", s->what);
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

	*out++ = (char)((more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0) | c >> (6 * more));
	while (more--)
		*out++ = (char)(0x80 | (c >> (6 * more) & 0x3f));
	return out;
}

/*
 * Parses a text from the byte after its first quote. Returns it in new memory. It is never longer
 * than the source.
 */
static char *text(struct parser *s)
{
	static const char escapes[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *quote = s->p, *e;

	while (quote < s->end && *quote != '"')
		quote += *quote == '\\' && quote + 1 < s->end ? 2 : 1;
	char *out = xalloc((size_t)(quote - s->p) + 1), *to = out;

	while (s->p < s->end && *s->p != '"') {
		if ((unsigned char)*s->p < ' ')
			bad(s);
		if (*s->p != '\\') {
			*to++ = *s->p++;
			continue;
		}
		if (++s->p == s->end)
			bad(s);
		if (*s->p == 'u') {
			s->p++;
			to = unicode(s, to);
		} else {
			e = *s->p ? strchr(escapes, *s->p) : NULL;
			if (!e)
				bad(s);
			*to++ = means[e - escapes];
			s->p++;
		}
	}
	if (s->p == s->end)
		bad(s);
	s->p++;
	return out;
}

static struct json *value(struct parser *s);

/* Parses the members of a list or object from the byte after its bracket. */
static void members(struct parser *s, struct json *j, char close)
{
	struct json **last = &j->first;

	if (++s->depth > DEPTH_MAX)
		die("%s: JSON of more than %d levels", s->what, DEPTH_MAX);
	if (!take(s, close)) {
		do {
			char *key = NULL;

			if (close == '}') {
				if (!take(s, '"'))
					bad(s);
				key = text(s);
				if (!take(s, ':'))
					bad(s);
			}
			*last = value(s);
			(*last)->key = key;
			last = &(*last)->next;
		} while (take(s, ','));
		if (!take(s, close))
			bad(s);
	}
	s->depth--;
}

/* Parses a number, true, false or null. */
static void word(struct parser *s, struct json *j)
{
	const char *from = s->p;

	while (s->p < s->end && (isalnum((unsigned char)*s->p) || strchr("+-.", *s->p)) && *s->p)
		s->p++;
	j->text = format("%.*s", (int)(s->p - from), from);
	if (!strcmp(j->text, "null"))
		j->kind = JSON_NULL;
	else if (!strcmp(j->text, "true") || !strcmp(j->text, "false"))
		j->kind = JSON_BOOL;
	else if (isdigit((unsigned char)*j->text) || *j->text == '-')
		j->kind = JSON_NUMBER;
	else
		bad(s);
}

static struct json *value(struct parser *s)
{
	struct json *j = xalloc(sizeof(*j));

	if (take(s, '{')) {
		j->kind = JSON_OBJECT;
		members(s, j, '}');
	} else if (take(s, '[')) {
		j->kind = JSON_LIST;
		members(s, j, ']');
	} else if (take(s, '"')) {
		j->kind = JSON_TEXT;
		j->text = text(s);
	} else {
		word(s, j);
	}
	return j;
}

struct json *json_parse(const char *t, size_t size, const char *what)
{
	struct parser s = { .p = t, .end = t + size, .what = what };
	struct json *j = value(&s);

	skip_space(&s);
	if (s.p != s.end)
		bad(&s);
	return j;
}

const struct json *json_get(const struct json *object, const char *key)
{
	if (!object || object->kind != JSON_OBJECT)
		return NULL;
	for (const struct json *j = object->first; j; j = j->next)
		if (!strcmp(j->key, key))
			return j;
	return NULL;
}

const struct json *json_list(const struct json *object, const char *key)
{
	const struct json *j = json_get(object, key);

	return j && j->kind == JSON_LIST ? j : NULL;
}

const char *json_string(const struct json *object, const char *key)
{
	const struct json *j = json_get(object, key);

	return j && j->kind == JSON_TEXT ? j->text : NULL;
}

bool json_uint(const struct json *object, const char *key, uint64_t *n)
{
	const struct json *j = json_get(object, key);
	char *end;

	if (!j || j->kind != JSON_NUMBER || !isdigit((unsigned char)*j->text))
		return false;
	errno = 0;
	*n = strtoull(j->text, &end, 10);
	return !errno && !*end;
}
