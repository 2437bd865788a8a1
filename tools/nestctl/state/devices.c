/* SPDX-License-Identifier: MIT */
/* devices.c: finds an instance's devices, through its management console and its command line. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/state/state.h"

char *device_query(struct umid_console *c, const char *device)
{
	char *command = format("config %s", device), *text;
	size_t len;
	int err;

	text = umid_ask(c, command, &err, &len);
	free(command);
	if (!text)
		die("no answer about %s", device);
	if (!err) {
		text[strcspn(text, "\n")] = '\0';
		if (*text)
			return text;
	}
	free(text);
	return NULL;
}

size_t device_names(const char *args, const char **names, size_t max)
{
	char *text = format("%s", args), *to = text, *start = text;
	size_t n = 0;

	for (const char *p = args;; p++) {
		if (p[0] == '\\' && (p[1] == ',' || p[1] == ':'))
			p++;
		else if (*p == ',' || !*p) {
			char end = *p;

			*to++ = '\0';
			if (n < max)
				names[n++] = start;
			start = to;
			if (!end)
				return n;
			continue;
		}
		*to++ = *p;
	}
}

/*
 * Returns the unit number of a name such as "ubdb" or "ubd1", and in *rest the text after the
 * name. Returns -1 if @text is no such name.
 */
static int unit_of(const char *text, const char **rest)
{
	char *end;

	if (isdigit((unsigned char)*text)) {
		long n = strtol(text, &end, 10);

		*rest = end;
		return n >= 0 && n < 100 ? (int)n : -1;
	}
	*rest = text + 1;
	return *text >= 'a' && *text <= 'p' ? *text - 'a' : -1;
}

const char *device_param(const char *const *params, const char *device, const char **flags)
{
	const char *found = NULL, *number = device + strcspn(device, "0123456789"), *rest;
	size_t kind = (size_t)(number - device);
	int unit = atoi(number);

	for (; *params; params++) {
		const char *p = *params, *value = strchr(p, '=');

		if (!value || strncmp(p, device, kind) != 0 || p + kind == value)
			continue;
		if (unit_of(p + kind, &rest) != unit || rest > value)
			continue;
		*flags = format("%.*s", (int)(value - rest), rest);
		found = value + 1;
	}
	return found;
}

/* True if the word of @n bytes looks like a MAC address. */
static bool is_address(const char *word, size_t n)
{
	return n == 17 && word[2] == ':' && word[5] == ':';
}

/* Returns a random MAC address of the range for local administration. */
static const char *new_address(void)
{
	uint8_t a[6];

	if (getrandom(a, sizeof(a), 0) != sizeof(a))
		die("getrandom: %s", strerror(errno));
	a[0] = (uint8_t)((a[0] & 0xfc) | 2);
	return format("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
}

const char *card_of_its_own(const char *args)
{
	char *out = format("%.*s", (int)strcspn(args, ","), args);

	for (args += strcspn(args, ","); *args; args += strcspn(args, ",")) {
		const char *word = ++args;
		size_t n = strcspn(word, ",");

		if (is_address(word, n) || !strncmp(word, "hostfwd=", 8))
			continue;
		out = format("%s,%.*s", out, (int)n, word);
	}
	return format("%s,%s", out, new_address());
}
