/* SPDX-License-Identifier: MIT */
/*
 * exec_config.c: finds environment, user, folder and capabilities of an instance's main program,
 * for the commands of `nestctl exec`. They come from the image's settings and, for a detached
 * instance, from the options of `nestctl run`. Only the nestctl that runs it knows the options of
 * an instance that is not detached.
 */
#include <string.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/run/exec.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/service.h"

/* Returns the value of "--NAME=VALUE", or NULL. */
static const char *value_of(const char *word, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(word, name, n) && word[n] == '=' ? word + n + 1 : NULL;
}

static void add_env(struct exec_config *c, const char *text)
{
	if (c->nr_env == EXEC_ENV_MAX)
		die("exec: too many variables");
	c->env[c->nr_env++] = text;
}

static void take_image(struct exec_config *c, const struct image_config *image)
{
	const char *user = image_config_get(image, 'u'), *dir = image_config_get(image, 'w');

	for (const char **e = image_config_list(image, 'e'); *e; e++)
		add_env(c, *e);
	c->user = user && *user ? user : NULL;
	c->dir = dir && *dir ? dir : NULL;
}

static void take_options(struct exec_config *c, char *const *words)
{
	for (const char *value; *words; words++)
		if ((value = value_of(*words, "--env")))
			add_env(c, value);
		else if ((value = value_of(*words, "--user")))
			c->user = value;
		else if ((value = value_of(*words, "--workdir")))
			c->dir = value;
		else if ((value = value_of(*words, "--group-add")) &&
			 c->nr_groups < EXEC_GROUPS_MAX)
			c->groups[c->nr_groups++] = value;
}

static void take_limits(struct exec_config *c, char *const *words)
{
	uint64_t drop = 0, add = 0;

	for (const char *value; *words; words++)
		if ((value = value_of(*words, "--cap-drop")))
			drop |= capability_bits("cap-drop", value);
		else if ((value = value_of(*words, "--cap-add")))
			add |= capability_bits("cap-add", value);
	c->caps = capabilities_kept(drop, add);
}

struct reading {
	const char *file;
	struct image_config config;
};

static void read_image(void *arg)
{
	struct reading *r = arg;

	r->config = image_config_read(r->file);
}

void exec_config_read(struct exec_config *c, const struct instance *in)
{
	struct reading image = { .file = in->image };
	struct service s;
	bool kept;

	*c = (struct exec_config){ .caps = ~0UL };
	kept = service_find(&s, in->name);
	if (kept)
		service_close(&s);
	if (kept)
		image.file = s.spec.file;
	/* an image that is gone or unreadable has no settings */
	if (!kept || !spec_has(&s.spec, "bare"))
		attempt(read_image, &image);
	if (kept)
		take_limits(c, s.spec.words);
	/* a machine's users log in, so they do not get the image's settings */
	if (kept ? spec_is_machine(&s.spec) : machine_has_init(&image.config))
		return;
	take_image(c, &image.config);
	if (kept)
		take_options(c, s.spec.words);
}
