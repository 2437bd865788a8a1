/* SPDX-License-Identifier: MIT */
/*
 * job.c: makes the job of an instance's built-in init from the image's configuration and the user's
 * options, which override it.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/init/job.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/image/image_filter.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"

/* bytes of a default host name: what a label of DNS has (sethostname() takes 64) */
#define HOST_LABEL 63

/*
 * Returns the image's name without its folder, tag and suffix, cut to HOST_LABEL bytes that do not
 * end in a hyphen. For a digest, returns its first 12 digits.
 */
static const char *host_name_of(const char *image)
{
	const char *base = strrchr(image, '/') ? strrchr(image, '/') + 1 : image;
	size_t n = strcspn(base, ".:");

	if (image_is_unnamed(format("%.*s", (int)strcspn(base, "."), base)))
		return format("%.12s", strchr(base, ':') + 1);
	n = n > HOST_LABEL ? HOST_LABEL : n;
	while (n && base[n - 1] == '-')
		n--;
	return format("%.*s", (int)n, base);
}

/* Writes a string of the job. */
static void put(FILE *f, char letter, const char *text)
{
	fprintf(f, "%c%s%c", letter, text, 0);
}

static void put_volume(FILE *f, const struct volume *v)
{
	if (v->file)
		put(f, 'V', format("%s%s", strrchr(v->host, '/') + 1, v->guest));
	else
		put(f, 'v', v->guest);
}

/* Copies the strings of the image's configuration that begin with @letter. Returns how many. */
static int put_config(FILE *f, const struct image_config *c, char letter, bool keep_letter)
{
	int n = 0;

	for (const char *p = c->text; p < c->text + c->size; p += strlen(p) + 1) {
		if (*p != letter)
			continue;
		fprintf(f, "%s%c", keep_letter ? p : p + 1, 0);
		n++;
	}
	return n;
}

char *job_text(struct run *r, size_t *size)
{
	struct image_config config = { .size = 0 };
	const char *term = r->terminal ? getenv("TERM") : NULL;
	char *text = NULL;
	FILE *f = open_memstream(&text, size);
	int words = 0;

	if (!f)
		die("out of memory");
	if (!r->bare)
		config = image_config_read(r->image);
	machine_choose(r, &config);
	put(f, 'm',
		r->machine  ? "machine" :
		r->terminal ? "terminal" :
		r->joined   ? "joined" :
			      "channels");
	/* a machine has its own host name */
	put(f, 'h', r->hostname ?: r->as_is || r->machine ? "" : host_name_of(r->image));
	if (r->name)
		put(f, 'i', r->name);
	put(f, 't', term ? term : "dumb");
	for (int i = 0; i < r->nr_volumes; i++)
		put_volume(f, &r->volumes[i]);
	put_config(f, &config, 'e', true);
	if (r->env_size)
		fwrite(r->env, 1, r->env_size, f);
	/* without any settings of an image, the command starts in its user's home */
	if (r->dir)
		put(f, 'w', r->dir);
	else if (config.size && !r->bare && !image_config_get(&config, 'w'))
		put(f, 'w', "/");
	else
		put_config(f, &config, 'w', true);
	if (r->user)
		put(f, 'u', r->user);
	else
		put_config(f, &config, 'u', true);
	if (r->settings_size)
		fwrite(r->settings, 1, r->settings_size, f);
	fputc(0, f);
	/* a machine whose image's command is no init gets the usual init */
	if (r->machine && !machine_has_init(&config))
		config.size = 0;
	/* the user's entry point replaces the image's entry point and command */
	if (!r->entrypoint)
		words = put_config(f, &config, 'x', false);
	else if (*r->entrypoint)
		words = fprintf(f, "%s%c", r->entrypoint, 0) > 0;
	for (char **word = r->command; *word; word++, words++)
		fprintf(f, "%s%c", *word, 0);
	if (!r->command[0] && !r->entrypoint)
		words += put_config(f, &config, 'c', false);
	if (fclose(f))
		die("out of memory");
	if (*size >= JOB_MAX)
		die("run: the command and its environment are too long");
	r->login = r->machine || !words;
	return text;
}
