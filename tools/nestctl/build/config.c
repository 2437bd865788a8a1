/* SPDX-License-Identifier: MIT */
/* config.c: see config.h. */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/nestctl/build/config.h"
#include "tools/init/job.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/word_list.h"

/* ---- conversion from and to text ---- */

/* A letter of image.h, and its list or its one text. */
struct part {
	char letter;
	char ***list;
	char **one;
};
#define PARTS 15

/*
 * Fills in the letters of image.h and the settings that they stand for, in the order of the text.
 */
static void parts_of(struct config *c, struct part parts[PARTS])
{
	const struct part all[PARTS] = { { 'e', &c->env, NULL }, { 'w', NULL, &c->dir },
		{ 'u', NULL, &c->user }, { 'x', &c->entry, NULL }, { 'c', &c->command, NULL },
		{ 'p', &c->ports, NULL }, { 'v', &c->volumes, NULL }, { 'l', &c->labels, NULL },
		{ 's', NULL, &c->stop }, { 'h', &c->health, NULL }, { 'i', &c->numbers, NULL },
		{ 'b', &c->shell, NULL }, { 'o', &c->onbuild, NULL }, { 'a', NULL, &c->author },
		{ 'm', NULL, &c->comment } };

	memcpy(parts, all, sizeof(all));
}

struct config config_of(const struct image_config *from)
{
	struct config c = { 0 };
	struct part parts[PARTS];

	parts_of(&c, parts);
	for (size_t i = 0; i < PARTS; i++)
		for (const char **s = image_config_list(from, parts[i].letter); *s; s++)
			if (parts[i].list)
				*parts[i].list = words_add(*parts[i].list, format("%s", *s));
			else
				*parts[i].one = format("%s", *s);
	return c;
}

char *config_text(const struct config *c, size_t *size)
{
	struct config copy = *c;
	struct part parts[PARTS];
	char *text;
	FILE *f = open_memstream(&text, size);

	if (!f)
		die("out of memory");
	parts_of(&copy, parts);
	for (size_t i = 0; i < PARTS; i++) {
		for (char **s = parts[i].list ? *parts[i].list : NULL; s && *s; s++)
			fprintf(f, "%c%s%c", parts[i].letter, *s, 0);
		if (parts[i].one && *parts[i].one)
			fprintf(f, "%c%s%c", parts[i].letter, *parts[i].one, 0);
	}
	if (fclose(f))
		die("out of memory");
	return text;
}

struct config config_copy(const struct config *c)
{
	struct image_config text;

	text.text = config_text(c, &text.size);
	return config_of(&text);
}

/* ---- NAME=VALUE ---- */

static size_t name_length(const char *text)
{
	return strcspn(text, "=");
}

const char *config_env(const struct config *c, const char *name)
{
	size_t n = strlen(name);

	for (char **e = c->env; e && *e; e++)
		if (name_length(*e) == n && !strncmp(*e, name, n))
			return *e + n + 1;
	return strcmp(name, "PATH") ? NULL : JOB_PATH;
}

void config_set(char ***list, char *text)
{
	size_t n = name_length(text);

	for (char **e = *list; e && *e; e++)
		if (name_length(*e) == n && !strncmp(*e, text, n)) {
			*e = text;
			return;
		}
	*list = words_add(*list, text);
}

/* Adds a text unless the list has it. */
static void add_once(char ***list, char *text)
{
	for (char **e = *list; e && *e; e++)
		if (!strcmp(*e, text))
			return;
	*list = words_add(*list, text);
}

/* Carries out ENV or LABEL: adds NAME=VALUE..., or the old form NAME VALUE. */
static void set_pairs(char ***list, const struct variables *v)
{
	char **words = words_split(v->at, v->at->text);

	if (!strchr(*words, '=')) {
		const char *value = v->at->text + strlen(*words);

		value += strspn(value, " \t");
		if (!*value)
			instruction_bad(
				v->at, "%s %s needs a value", verb_name(v->at->verb), *words);
		config_set(list, format("%s=%s", words_expand(v, *words), words_expand(v, value)));
		return;
	}
	/* all values are expanded with the variables from before the instruction */
	for (char **w = words; *w; w++) {
		char *text = words_expand(v, *w);

		if (!strchr(text, '=') || *text == '=')
			instruction_bad(v->at, "'%s' is not NAME=VALUE", *w);
		*w = text;
	}
	for (char **w = words; *w; w++)
		config_set(list, *w);
}

/* ---- commands ---- */

char **config_command(const struct config *c, const char *text)
{
	static char *const standard[] = { "/bin/sh", "-c", NULL };
	char **words = words_json(text), *const *shell = c->shell ? c->shell : standard;

	if (words)
		return words;
	for (; *shell; shell++)
		words = words_add(words, *shell);
	return words_add(words, format("%s", text));
}

/* ---- health checks ---- */

/* Parses "1m30s", "500ms" or "0". Returns nanoseconds. */
static uint64_t duration(const struct instruction *at, const char *text)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 },
		{ "h", 3600e9 } };
	double total = 0;
	const char *p = text;

	if (!strcmp(text, "0"))
		return 0;
	while (isdigit((unsigned char)*p) || *p == '.') {
		char *end;
		double n = strtod(p, &end);
		size_t len = strspn(end, "nusmh"), i = 0;

		if (end == p)
			break;
		while (i < 6 && (strlen(units[i].unit) != len || strncmp(units[i].unit, end, len)))
			i++;
		if (i == 6)
			break;
		total += n * units[i].ns;
		p = end + len;
	}
	if (*p || p == text || total > 1e18)
		instruction_bad(at, "'%s' is not a time such as 30s or 1m30s", text);
	return (uint64_t)total;
}

/* Adds a number of the health check, if the flag @name is given. @time: the number is a time. */
static void set_number(struct config *c, const struct instruction *at, const char *name, bool time)
{
	const char *text = instruction_flag(at, name);
	uint64_t n;
	char *end;

	if (!text)
		return;
	n = time ? duration(at, text) : strtoull(text, &end, 10);
	if (!time && (!isdigit((unsigned char)*text) || *end || n > 1000000))
		instruction_bad(at, "--%s=%s: expected a number", name, text);
	if (n)
		config_set(&c->numbers, format("%s=%llu", name, (unsigned long long)n));
}

static void set_health(struct config *c, const struct instruction *at)
{
	static const char *const times[] = { "interval", "timeout", "start-period",
		"start-interval" };
	size_t n = strcspn(at->text, " \t");
	const char *rest = at->text + n + strspn(at->text + n, " \t");
	char **words;

	c->health = c->numbers = NULL;
	if (n == 4 && !strncasecmp(at->text, "NONE", 4) && !*rest) {
		c->health = words_add(NULL, format("NONE"));
		return;
	}
	if (n != 3 || strncasecmp(at->text, "CMD", 3) != 0 || !*rest)
		instruction_bad(at, "HEALTHCHECK needs CMD COMMAND, or NONE");
	words = words_json(rest);
	c->health = words_add(NULL, format(words ? "CMD" : "CMD-SHELL"));
	for (char **w = words; w && *w; w++)
		c->health = words_add(c->health, *w);
	if (!words)
		c->health = words_add(c->health, format("%s", rest));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		set_number(c, at, times[i], true);
	set_number(c, at, "retries", false);
}

/* ---- other instructions ---- */

static void add_ports(struct config *c, const struct variables *v)
{
	for (char **w = words_split(v->at, words_expand(v, v->at->text)); *w; w++) {
		const char *kind = strchr(*w, '/') ? strchr(*w, '/') : "/tcp";
		unsigned int from, to;
		int n = sscanf(*w, "%5u-%5u", &from, &to);

		to = n == 2 ? to : from;
		if (n < 1 || !image_is_port(format("%u%s", from, kind)) || to > 65535 ||
			to < from || (*w)[strspn(*w, "0123456789-")] != *(strchr(*w, '/') ?: ""))
			instruction_bad(v->at, "'%s' is not a port such as 80 or 53/udp", *w);
		for (; from <= to; from++)
			add_once(&c->ports, format("%u%s", from, kind));
	}
}

static void add_volumes(struct config *c, const struct variables *v)
{
	for (char **w = words_list(v, v->at->text); *w; w++) {
		if (!**w)
			instruction_bad(v->at, "a volume without a path");
		add_once(&c->volumes, **w == '/' ? *w : format("/%s", *w));
	}
}

static void set_dir(struct config *c, const struct variables *v)
{
	char *path = words_expand(v, v->at->text);

	if (!*path)
		instruction_bad(v->at, "WORKDIR: the path is empty");
	if (*path != '/')
		path = format("%s/%s", c->dir && strcmp(c->dir, "/") ? c->dir : "", path);
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/';)
		path[--n] = '\0';
	c->dir = path;
}

static void set_stop(struct config *c, const struct variables *v)
{
	char *text = words_expand(v, v->at->text);
	const char *p = strncasecmp(text, "SIG", 3) ? text : text + 3;
	bool good = isdigit((unsigned char)*p) && strlen(p) < 3 && atoi(p) > 0 && atoi(p) < NSIG;

	for (int sig = 1; sig < 32 && !good; sig++)
		good = !strcasecmp(signal_abbreviation(sig), p);
	if (!good && strncasecmp(p, "RTM", 3) != 0)
		instruction_bad(v->at, "'%s' is not a signal", text);
	c->stop = text;
}

static void set_entry(struct config *c, const struct variables *v)
{
	c->entry = config_command(c, v->at->text);
	if (!c->has_command)
		c->command = NULL;
}

static void set_shell(struct config *c, const struct variables *v)
{
	c->shell = words_json(v->at->text);
	if (!c->shell || !*c->shell)
		instruction_bad(v->at, "SHELL needs a list such as [\"/bin/sh\", \"-c\"]");
}

static void add_onbuild(struct config *c, const struct variables *v)
{
	struct instruction i =
		instruction_parse(v->at->file, v->at->line, v->at->text, v->at->escape);

	if (i.verb == VERB_ONBUILD || i.verb == VERB_FROM || i.verb == VERB_MAINTAINER)
		instruction_bad(v->at, "ONBUILD takes no %s", verb_name(i.verb));
	c->onbuild = words_add(c->onbuild, format("%s", v->at->text));
}

bool config_apply(struct config *c, const struct variables *v)
{
	switch (v->at->verb) {
	case VERB_ENV: set_pairs(&c->env, v); break;
	case VERB_LABEL: set_pairs(&c->labels, v); break;
	case VERB_MAINTAINER:
		config_set(&c->labels, format("maintainer=%s", words_expand(v, v->at->text)));
		break;
	case VERB_EXPOSE: add_ports(c, v); break;
	case VERB_VOLUME: add_volumes(c, v); break;
	case VERB_USER: c->user = words_expand(v, v->at->text); break;
	case VERB_WORKDIR: set_dir(c, v); break;
	case VERB_STOPSIGNAL: set_stop(c, v); break;
	case VERB_SHELL: set_shell(c, v); break;
	case VERB_ENTRYPOINT: set_entry(c, v); break;
	case VERB_CMD:
		c->command = config_command(c, v->at->text);
		c->has_command = true;
		break;
	case VERB_HEALTHCHECK: set_health(c, v->at); break;
	case VERB_ONBUILD: add_onbuild(c, v); break;
	default: return false;
	}
	return true;
}

/* ---- --change ---- */

static const char *get_env(const void *arg, const char *name)
{
	return config_env(arg, name);
}

void config_change(struct config *c, const char *text, const char *command)
{
	struct instruction *i = xalloc(sizeof(*i));

	*i = instruction_parse("--change", 1, text, '\\');
	const struct variables v = { .at = i, .get = get_env, .arg = c };

	if (!config_apply(c, &v))
		die("%s: --change: %s changes no setting of an image", command, verb_name(i->verb));
}
