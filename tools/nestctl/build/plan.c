/* SPDX-License-Identifier: MIT */
/*
 * plan.c: finds the stages of a Containerfile, and which of them the target needs: those from which
 * it begins or copies, or that it mounts. The others are ignored.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/nestctl/build/build.h"
#include "tools/nestctl/core/docker.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/word_list.h"

const char *list_get(char *const *list, const char *name)
{
	size_t n = strlen(name);

	for (; list && *list; list++)
		if (!strncmp(*list, name, n) && (*list)[n] == '=')
			return *list + n + 1;
	return NULL;
}

/* ---- ARG ---- */

/* Returns the value of an ARG that docker sets itself ("automatic platform ARGs"), or NULL. */
static const char *platform_arg(const char *name)
{
	static char *const known[] = { "TARGETPLATFORM=linux/amd64", "TARGETOS=linux",
		"TARGETARCH=amd64", "TARGETVARIANT=", "BUILDPLATFORM=linux/amd64", "BUILDOS=linux",
		"BUILDARCH=amd64", "BUILDVARIANT=", NULL };

	return list_get(known, name);
}

void arg_apply(struct build *b, const struct variables *v, char ***list, char *const *globals)
{
	for (char **w = words_split(v->at, v->at->text); *w; w++) {
		char *text = words_expand(v, *w), *equal = strchr(text, '=');
		char *name = format("%.*s", (int)strcspn(text, "="), text);
		const char *value = list_get(b->given, name);

		if (!*name ||
			name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789_")])
			instruction_bad(v->at, "ARG: '%s' is not the name of a variable", name);
		if (value)
			b->used = words_add(b->used, name);
		value = value ? value : equal ? equal + 1 : list_get(globals, name);
		value = value ? value : platform_arg(name);
		if (value)
			config_set(list, format("%s=%s", name, value));
	}
}

static const char *get_global(const void *arg, const char *name)
{
	const char *value = list_get(arg, name);

	return value ? value : platform_arg(name);
}

/* ---- stages ---- */

int stage_find(const struct build *b, const char *name, size_t before)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);

	for (size_t i = before; i--;)
		if (b->stages[i].name && !strcasecmp(b->stages[i].name, name))
			return (int)i;
	return isdigit((unsigned char)*name) && !*end && number < before ? (int)number : -1;
}

/* Begins a stage: FROM [--platform=P] IMAGE [AS NAME]. */
static void begin_stage(struct build *b, struct instruction *i)
{
	struct stage *s = &b->stages[b->nr_stages];
	const struct variables v = { .at = i, .get = get_global, .arg = b->globals };
	const char *platform = instruction_flag(i, "platform");
	char **words = words_split(i, i->text);
	size_t n = words_count(words);

	if (b->nr_stages == STAGES_MAX)
		instruction_bad(i, "more than %d stages", STAGES_MAX);
	if (n != 1 && (n != 3 || strcasecmp(words[1], "AS") != 0))
		instruction_bad(i, "FROM needs IMAGE [AS NAME]");
	platform = platform ? words_expand(&v, platform) : NULL;
	if (platform && !platform_is_own(platform))
		instruction_bad(i, "--platform=%s: there is linux/amd64 only", platform);
	*s = (struct stage){ .from = i, .name = n == 3 ? words[2] : NULL };
	s->image = words_expand(&v, words[0]);
	if (!*s->image)
		instruction_bad(i, "FROM: '%s' is empty", words[0]);
	if (s->name && !isalpha((unsigned char)*s->name))
		instruction_bad(i, "'%s' is not a name of a stage", s->name);
	s->parent = stage_find(b, s->image, b->nr_stages);
	/* FROM takes a stage by its name only, not by its number */
	if (s->parent >= 0 && isdigit((unsigned char)*s->image))
		s->parent = -1;
	b->nr_stages++;
}

/* Fills b->stages. */
static void find_stages(struct build *b)
{
	for (size_t n = 0; n < b->parsed.nr; n++) {
		struct instruction *i = &b->parsed.list[n];
		const struct variables v = { .at = i, .get = get_global, .arg = b->globals };

		if (i->verb == VERB_FROM) {
			begin_stage(b, i);
			b->stages[b->nr_stages - 1].first = n + 1;
		} else if (b->nr_stages) {
			b->stages[b->nr_stages - 1].end = n + 1;
		} else if (i->verb == VERB_ARG) {
			arg_apply(b, &v, &b->globals, NULL);
		} else {
			instruction_bad(i, "%s before the first FROM", verb_name(i->verb));
		}
	}
	if (!b->nr_stages)
		die("%s: there is no FROM", b->file);
	for (size_t n = 0; n < b->nr_stages; n++)
		if (b->stages[n].end < b->stages[n].first)
			b->stages[n].end = b->stages[n].first;
}

static void need(struct build *b, size_t number);

/* Marks as needed the stage that @value names: the value of --from or of a mount's from=. */
static void need_from(struct build *b, size_t number, const char *value)
{
	int found = value ? stage_find(b, value, number) : -1;

	if (found >= 0)
		need(b, (size_t)found);
}

/* Marks as needed the stages that the instruction @i of stage @number names. */
static void need_of(struct build *b, size_t number, const struct instruction *i)
{
	for (size_t n = 0; n < i->nr_flags; n++) {
		const char *value = i->flags[n].value;
		bool mount = !strcmp(i->flags[n].name, "mount");

		if (value && !strcmp(i->flags[n].name, "from"))
			need_from(b, number, value);
		while (value && mount && *value) { /* KEY=VALUE,... */
			size_t len = strcspn(value, ",");

			if (!strncmp(value, "from=", 5))
				need_from(b, number, format("%.*s", (int)len - 5, value + 5));
			value += len + (value[len] == ',');
		}
	}
}

/* Marks a stage as needed, with all stages on which it depends. */
static void need(struct build *b, size_t number)
{
	struct stage *s = &b->stages[number];

	if (s->needed)
		return;
	s->needed = true;
	b->total += (unsigned int)(s->end - s->first) + 1;
	if (s->parent >= 0)
		need(b, (size_t)s->parent);
	for (size_t n = s->first; n < s->end; n++)
		need_of(b, number, &b->parsed.list[n]);
}

size_t plan(struct build *b, const char *target)
{
	int number;

	find_stages(b);
	number = target ? stage_find(b, target, b->nr_stages) : (int)b->nr_stages - 1;
	if (number < 0)
		die("%s: there is no stage %s", b->file, target);
	need(b, (size_t)number);
	return (size_t)number;
}
