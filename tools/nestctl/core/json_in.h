/* SPDX-License-Identifier: MIT */
/*
 * json_in.h: untrusted JSON (RFC 8259) as a tree, which is never freed.
 *
 * json_parse() dies with a message that begins with @what if the text is damaged, has more than 32
 * levels or contains \u0000. It checks neither the form of numbers nor the UTF-8 of texts.
 * json_get() and the functions below it accept NULL as the object. They return NULL or false for a
 * value that is missing or of another kind, so calls can be nested.
 */
#ifndef NESTLING_NESTCTL_JSON_IN_H
#define NESTLING_NESTCTL_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_OBJECT } kind;
	char *key; /* an object's member, else NULL */
	/*
	 * content of a text, which has no zeros; the number, "true", "false" or "null" as written
	 */
	char *text;
	/* @first: first element of a list or object. @next: next in the parent. Or NULL. */
	struct json *first, *next;
};

/*
 * Parses @text, which is @size bytes long and need not be terminated. It may be freed afterwards.
 */
struct json *json_parse(const char *text, size_t size, const char *what);
/* Return the member @key of an object: any value, a list, or the content of a text. */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_list(const struct json *object, const char *key);
const char *json_string(const struct json *object, const char *key);
/*
 * Reads a whole number that is not negative into *n. True if @key has one that fits. *n is
 * undefined otherwise.
 */
bool json_uint(const struct json *object, const char *key, uint64_t *n);

#endif
