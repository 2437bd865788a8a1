/* SPDX-License-Identifier: MIT */
/*
 * json_in.h: JSON that comes from outside (RFC 8259), as a tree that the process keeps to its end.
 *
 * Whatever is damaged, too deep or holds \u0000 dies with a line that begins with @what. The getters take NULL, and give NULL for what is not
 * there or of another kind, so that they may be nested.
 */
#ifndef NESTLING_NESTCTL_JSON_IN_H
#define NESTLING_NESTCTL_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	enum { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_TEXT, JSON_LIST, JSON_OBJECT } kind;
	char *key;  /* in an object */
	char *text; /* of a text; of a number as it stands there */
	struct json *first, *next;
};

/* @text has its end at @size. */
struct json *json_parse(const char *text, size_t size, const char *what);
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_list(const struct json *object, const char *key);
const char *json_string(const struct json *object, const char *key);
/* A whole number that is not negative. */
bool json_uint(const struct json *object, const char *key, uint64_t *n);

#endif
