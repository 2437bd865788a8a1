/* SPDX-License-Identifier: MIT */
/* inspect_parts.c: see inspect.h. */
#include "tools/nestctl/service/inspect.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"

#define PORT_MAX 65535

/* ---- of an image ---- */

static void put_words(const char *key, const char **words)
{
	json_open(key, '[');
	for (; *words; words++)
		json_text(NULL, *words);
	json_close(']');
}

/* Writes the words as the keys of an object: {"80/tcp": {}}. */
static void put_keys(const char *key, const char **words)
{
	json_open(key, '{');
	for (; *words; words++) {
		json_open(*words, '{');
		json_close('}');
	}
	json_close('}');
}

static void put_labels(const char **labels)
{
	json_open("Labels", '{');
	for (; *labels; labels++) {
		size_t n = strcspn(*labels, "=");

		json_text(format("%.*s", (int)n, *labels), *labels + n + ((*labels)[n] == '='));
	}
	json_close('}');
}

void inspect_settings(const struct image_config *c)
{
	static const struct {
		const char *name;
		char letter, kind;
	} settings[] = { { "Env", 'e', 'l' }, { "Entrypoint", 'x', 'l' }, { "Cmd", 'c', 'l' },
		{ "WorkingDir", 'w', 't' }, { "User", 'u', 't' }, { "ExposedPorts", 'p', 'k' },
		{ "Volumes", 'v', 'k' }, { "StopSignal", 's', 't' }, { "Shell", 'b', 'l' },
		{ "OnBuild", 'o', 'l' } };

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const char **words = image_config_list(c, settings[i].letter);

		if (settings[i].kind == 'l')
			put_words(settings[i].name, words);
		else if (settings[i].kind == 'k')
			put_keys(settings[i].name, words);
		else
			json_text(settings[i].name, *words ?: "");
	}
	put_labels(image_config_list(c, 'l'));
}

/* ---- of a kept instance ---- */

/* A mount: the name of its volume or NULL, its folder on the host and its path in the guest. */
struct mount {
	const char *name, *source, *destination, *mode;
};

/* Splits "SOURCE:DESTINATION:MODE", the form that a spec keeps. False if it is damaged. */
static bool mount_of(const char *text, struct mount *m)
{
	static const char end[] = "/_data";
	const char *mode = strrchr(text, ':');
	const char *store = realpath(data_dir("volumes"), NULL) ?: data_dir("volumes");
	const char *guest = mode;
	size_t n = strlen(store);

	while (guest > text && *--guest != ':')
		;
	if (!mode || guest == text)
		return false;
	*m = (struct mount){ .source = format("%.*s", (int)(guest - text), text),
		.destination = format("%.*s", (int)(mode - guest - 1), guest + 1),
		.mode = mode + 1 };
	if (!strncmp(m->source, store, n) && m->source[n] == '/') {
		char *name = format("%s", m->source + n + 1);
		size_t len = strlen(name);

		if (len > strlen(end) && !strcmp(name + len - strlen(end), end))
			name[len - strlen(end)] = '\0';
		m->name = name;
	}
	return true;
}

/* Calls @use for each mount of the spec. */
static void each_mount(
	const struct spec *c, void (*use)(const struct mount *m, void *arg), void *arg)
{
	static const char option[] = "--volume=";
	struct mount m;

	for (char **w = c->words; *w; w++)
		if (!strncmp(*w, option, sizeof(option) - 1) &&
			mount_of(*w + sizeof(option) - 1, &m))
			use(&m, arg);
}

static void put_mount(const struct mount *m, void *unused)
{
	json_open(NULL, '{');
	json_text("Type", m->name ? "volume" : "bind");
	if (m->name)
		json_text("Name", m->name);
	json_text("Source", m->source);
	json_text("Destination", m->destination);
	json_text("Mode", m->mode);
	json_bool("RW", strcmp(m->mode, "ro") != 0);
	json_close('}');
}

void inspect_mounts(const struct spec *c)
{
	json_open("Mounts", '[');
	each_mount(c, put_mount, NULL);
	json_close(']');
}

/* The result of inspect_mount_names(). */
struct mount_names {
	const char *text;
	unsigned int volumes;
};

static void add_mount(const struct mount *m, void *arg)
{
	struct mount_names *all = arg;

	all->text = format("%s%s%s", all->text, *all->text ? "," : "", m->name ?: m->source);
	all->volumes += !!m->name;
}

const char *inspect_mount_names(const struct spec *c, unsigned int *volumes)
{
	struct mount_names all = { .text = "" };

	each_mount(c, add_mount, &all);
	*volumes = all.volumes;
	return all.text;
}

/*
 * Returns the rest of @word after @option, such as "--sysctl=". Returns NULL if the word does not
 * begin with it.
 */
static const char *value_of(const char *word, const char *option)
{
	size_t n = strlen(option);

	return strncmp(word, option, n) ? NULL : word + n;
}

void inspect_sysctls(const struct spec *c)
{
	json_open("Sysctls", '{');
	for (char **w = c->words; *w; w++) {
		const char *text = value_of(*w, "--sysctl=");

		if (text)
			json_text(format("%.*s", (int)strcspn(text, "="), text),
				text + strcspn(text, "=") + 1);
	}
	json_close('}');
}

/* The ports of a kind ("/tcp") that were written. */
struct seen_ports {
	const char *kind;
	bool seen[PORT_MAX + 1];
	struct seen_ports *next;
};

/* Returns the ports of the kind, which it adds to the list if it is new. */
static struct seen_ports *ports_of(struct seen_ports **list, const char *kind)
{
	struct seen_ports *s;

	for (s = *list; s; s = s->next)
		if (!strcmp(s->kind, kind))
			return s;
	s = xalloc(sizeof(*s));
	s->kind = kind;
	s->next = *list;
	return *list = s;
}

/*
 * Writes the ports of @text ("80", "80/udp" or "80-85/tcp") that are not in *seen, and adds them to
 * it.
 */
static void put_exposed(const char *text, struct seen_ports **seen)
{
	const char *kind = strchr(text, '/') ?: "/tcp";
	bool *written = ports_of(seen, kind)->seen;
	unsigned int from, to;
	int n = sscanf(text, "%u-%u", &from, &to);

	to = n == 2 ? to : from;
	for (; n > 0 && from <= to && to <= PORT_MAX; from++) {
		char *port;

		if (written[from])
			continue;
		written[from] = true;
		port = format("%u%s", from, kind);
		json_open(port, '{');
		json_close('}');
		free(port);
	}
}

void inspect_exposed(const struct spec *c)
{
	const struct image_config image = image_config_read(c->file);
	struct seen_ports *seen = NULL;

	json_open("ExposedPorts", '{');
	for (const char **p = image_config_list(&image, 'p'); *p; p++)
		put_exposed(*p, &seen);
	for (char **p = c->ports; *p; p++)
		put_exposed(format("%.*s", (int)strcspn(*p, " "), *p), &seen);
	for (char **w = c->words; *w; w++)
		if (value_of(*w, "--expose="))
			put_exposed(value_of(*w, "--expose="), &seen);
	json_close('}');
}

/* Writes the first word as Path, and opens the list Args for the others. */
static void put_word(const char *word, bool *first)
{
	json_text(*first ? "Path" : NULL, word);
	if (*first)
		json_open("Args", '[');
	*first = false;
}

void inspect_command(const struct spec *c)
{
	const struct image_config image = image_config_read(c->file);
	const char *entry = spec_option(c, "entrypoint");
	const bool own = !entry && !spec_has(c, "bare");
	bool first = true;

	if (entry && *entry)
		put_word(entry, &first);
	for (const char **w = image_config_list(&image, 'x'); own && *w; w++)
		put_word(*w, &first);
	for (char **w = c->command; *w; w++)
		put_word(*w, &first);
	for (const char **w = image_config_list(&image, 'c'); own && !*c->command && *w; w++)
		put_word(*w, &first);
	if (first)
		put_word("", &first);
	json_close(']');
}

/* True if an option --env of the spec sets the variable of the image's "NAME=VALUE". */
static bool is_set(const struct spec *c, const char *text)
{
	const size_t n = strcspn(text, "=");

	for (char **w = c->words; *w; w++) {
		const char *own = value_of(*w, "--env=");

		if (own && strcspn(own, "=") == n && !strncmp(own, text, n))
			return true;
	}
	return false;
}

static void put_env(const struct spec *c, const struct image_config *image)
{
	json_open("Env", '[');
	for (const char **e = image_config_list(image, 'e'); *e; e++)
		if (!is_set(c, *e))
			json_text(NULL, *e);
	for (char **w = c->words; *w; w++)
		if (value_of(*w, "--env="))
			json_text(NULL, value_of(*w, "--env="));
	json_close(']');
}

void inspect_own(const struct spec *c)
{
	const bool bare = spec_has(c, "bare");
	const struct image_config image =
		bare ? (struct image_config){ .size = 0 } : image_config_read(c->file);
	const char *entry = spec_option(c, "entrypoint");
	const char *own[] = { entry, NULL };

	put_env(c, &image);
	put_words("Cmd",
		*c->command || entry ? (const char **)c->command : image_config_list(&image, 'c'));
	put_words("Entrypoint", !entry ? image_config_list(&image, 'x') : *entry ? own : own + 1);
	json_text("User", spec_option(c, "user") ?: image_config_get(&image, 'u') ?: "");
	json_text("WorkingDir", spec_option(c, "workdir") ?: image_config_get(&image, 'w') ?: "");
	put_keys("Volumes", image_config_list(&image, 'v'));
}

const char *inspect_log_path(const struct service *s)
{
	DIR *d = opendir(s->folder);
	unsigned long last = 0;

	for (struct dirent *e; d && (e = readdir(d));)
		if (!strncmp(e->d_name, "log.", 4) && strtoul(e->d_name + 4, NULL, 10) > last)
			last = strtoul(e->d_name + 4, NULL, 10);
	if (d)
		closedir(d);
	return last ? format("%s/log.%lu", s->folder, last) : "";
}
