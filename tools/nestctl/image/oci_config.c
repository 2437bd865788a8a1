/* SPDX-License-Identifier: MIT */
/*
 * oci_config.c: converts to settings (image.h) the configuration of an OCI image (OCI image
 * specification, "Image Configuration") or of docker, whose fields it shares. Healthcheck, Shell
 * and OnBuild are docker's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/json_in.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/bundle.h"
#include "tools/nestctl/image/image.h"

bool image_is_port(const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	return *text >= '0' && *text <= '9' && port > 0 && port < 65536 &&
	       (!*end || !strcmp(end, "/tcp") || !strcmp(end, "/udp") || !strcmp(end, "/sctp"));
}

/* Writes a setting (image.h). */
static void put(FILE *f, char letter, const char *text)
{
	fprintf(f, "%c%s%c", letter, text, 0);
}

static void put_list(FILE *f, char letter, const struct json *list, const char *what)
{
	for (const struct json *j = list ? list->first : NULL; j; j = j->next) {
		if (j->kind != JSON_TEXT)
			die("%s: a list in its configuration has an element that is not text",
				what);
		if (letter == 'e' && (!strchr(j->text, '=') || *j->text == '='))
			die("%s: '%s' is not an environment variable", what, j->text);
		put(f, letter, j->text);
	}
}

/* Writes the keys of an object such as {"80/tcp": {}}. */
static void put_keys(FILE *f, char letter, const struct json *object, bool (*good)(const char *),
	const char *what)
{
	if (!object || object->kind != JSON_OBJECT)
		return;
	for (const struct json *j = object->first; j; j = j->next) {
		if (!good(j->key))
			die("%s: '%s' is neither a port nor the path of a volume", what, j->key);
		put(f, letter, j->key);
	}
}

static bool is_path(const char *text)
{
	return *text == '/';
}

static void put_labels(FILE *f, const struct json *object, const char *what)
{
	if (!object || object->kind != JSON_OBJECT)
		return;
	for (const struct json *j = object->first; j; j = j->next) {
		if (j->kind != JSON_TEXT || !*j->key || strchr(j->key, '='))
			die("%s: '%s' is not a label", what, j->key);
		put(f, 'l', format("%s=%s", j->key, j->text));
	}
}

static void put_health(FILE *f, const struct json *health, const char *what)
{
	static const char *const numbers[][2] = { { "Interval", "interval" },
		{ "Timeout", "timeout" }, { "StartPeriod", "start-period" },
		{ "StartInterval", "start-interval" }, { "Retries", "retries" } };
	uint64_t n;

	put_list(f, 'h', json_list(health, "Test"), what);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (json_uint(health, numbers[i][0], &n) && n)
			put(f, 'i', format("%s=%llu", numbers[i][1], (unsigned long long)n));
}

/* Writes the author, and the comment of the last step. */
static void put_words(FILE *f, const struct json *doc)
{
	const struct json *steps = json_list(doc, "history");
	const char *author = json_string(doc, "author"), *comment = NULL;

	for (const struct json *s = steps ? steps->first : NULL; s; s = s->next)
		comment = json_string(s, "comment");
	if (author && *author)
		put(f, 'a', author);
	if (comment && *comment)
		put(f, 'm', comment);
}

void container_read_config(struct container *c, const struct json *doc, const char *what)
{
	const struct json *j = json_get(doc, "config");
	const char *dir = json_string(j, "WorkingDir"), *user = json_string(j, "User");
	const char *stop = json_string(j, "StopSignal");
	FILE *f = open_memstream(&c->config, &c->config_size);

	if (!f)
		die("out of memory");
	put_list(f, 'e', json_list(j, "Env"), what);
	if (dir && *dir)
		put(f, 'w', *dir == '/' ? dir : format("/%s", dir));
	if (user && *user)
		put(f, 'u', user);
	put_list(f, 'x', json_list(j, "Entrypoint"), what);
	put_list(f, 'c', json_list(j, "Cmd"), what);
	put_keys(f, 'p', json_get(j, "ExposedPorts"), image_is_port, what);
	put_keys(f, 'v', json_get(j, "Volumes"), is_path, what);
	put_labels(f, json_get(j, "Labels"), what);
	if (stop && *stop)
		put(f, 's', stop);
	put_health(f, json_get(j, "Healthcheck"), what);
	put_list(f, 'b', json_list(j, "Shell"), what);
	put_list(f, 'o', json_list(j, "OnBuild"), what);
	put_words(f, doc);
	if (fclose(f))
		die("out of memory");
}
