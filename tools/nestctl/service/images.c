/* SPDX-License-Identifier: MIT */
/* images.c: `nestctl images`, `rmi` and `image` commands that docker's users expect. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/fields.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/image/image_filter.h"
#include "tools/nestctl/run/template.h"
#include "tools/nestctl/service/images.h"
#include "tools/nestctl/service/view.h"
#include "tools/nestctl/service/volume.h"

#define SUFFIX ".ext4"

struct image *images_all(const char *only, size_t *count)
{
	struct dirent **names;
	int n = scandir(image_dir(), &names, NULL, alphasort);
	struct image *all;

	if (n < 0 && errno != ENOENT)
		die("%s: %s", image_dir(), strerror(errno));
	all = xalloc((size_t)(n < 0 ? 1 : n + 1) * sizeof(*all));
	*count = 0;
	for (int i = 0; i < n; i++) {
		char *dot = strrchr(names[i]->d_name, '.');
		struct image *im = &all[*count];

		im->file = format("%s/%s", image_dir(), names[i]->d_name);
		if (!dot || strcmp(dot, SUFFIX) != 0 || stat(im->file, &im->st))
			continue;
		*dot = '\0';
		im->name = names[i]->d_name;
		*count += !only || image_name_fits(im->name, only);
	}
	return all;
}

bool image_is_used(const struct image *im)
{
	char *file = realpath(im->file, NULL);
	size_t nr_kept, nr_running;
	struct service *kept = services_all(&nr_kept);
	struct instance *running = instances_find(NULL, &nr_running);
	bool used = false;

	for (size_t i = 0; file && i < nr_kept; i++)
		used = used || !strcmp(kept[i].spec.file, file);
	for (size_t i = 0; file && i < nr_running; i++)
		used = used || !strcmp(running[i].image, file);
	free(file);
	return used;
}

/* Returns when the image was made, ns since 1970. */
static int64_t created(const struct image *im)
{
	return im->st.st_mtim.tv_sec * 1000000000L + im->st.st_mtim.tv_nsec;
}

/* Returns docker's text, such as "5 minutes ago". */
static const char *since(const struct image *im)
{
	return format("%s ago", duration_text(now_ns() - created(im)));
}

static void put_row(const struct image *im)
{
	const char *tag = strrchr(im->name, ':');
	int n = (int)(tag ? tag - im->name : (ptrdiff_t)strlen(im->name));

	json_open(NULL, '{');
	json_text("ID", im->name);
	json_text("Repository", format("%.*s", n, im->name));
	json_text("Tag", tag ? tag + 1 : "latest");
	json_text("CreatedAt", time_text(created(im)));
	json_text("CreatedSince", since(im));
	json_text("Size", size_text((double)im->st.st_blocks * 512));
	json_text("VirtualSize", size_text((double)im->st.st_size));
	json_text("Path", im->file);
	json_close('}');
}

static void print_table(const struct image *all, size_t n)
{
	struct table *t = table_new((const char *[]){ "IMAGE", "CREATED", "SIZE", "ROOM", NULL });

	for (size_t i = 0; i < n; i++)
		table_row(t, (const char *[]){ all[i].name, since(&all[i]),
				     size_text((double)all[i].st.st_blocks * 512),
				     size_text((double)all[i].st.st_size) });
	table_print(t);
}

/* Moves the images that the filter selects to the front of @all. Returns their number. */
static size_t keep_fitting(const struct image_filter *f, struct image *all, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (image_filter_fits(f, all[i].name, all[i].file, created(&all[i])))
			all[kept++] = all[i];
	return kept;
}

enum { KEY_FORMAT = 256, KEY_NO_TRUNC };

static int list_images(const struct command *c, int argc, char **argv)
{
	bool quiet = false, json = false;
	const char *template = NULL;
	struct image_filter filter = { .n = 0 };
	struct image *all;
	struct fields *f;
	size_t n;

	for (int key; (key = next_option(c, argc, argv));)
		switch (key) {
		case 'q': quiet = true; break;
		case 'a':
		case KEY_NO_TRUNC: break;
		case 'f': image_filter_add(&filter, optarg); break;
		case KEY_FORMAT: template = optarg; break;
		default: json = true;
		}
	all = images_all(take_words(c, argc, argv, 0, 1)[0], &n);
	n = keep_fitting(&filter, all, n);
	if (json)
		json_open(NULL, '[');
	for (size_t i = 0; i < n && (quiet || json); i++)
		if (json)
			put_row(&all[i]);
		else
			puts(all[i].name);
	if (json)
		json_close(']');
	if (quiet || json)
		return 0;
	if (!template || !strcmp(template, "table")) {
		print_table(all, n);
		return 0;
	}
	f = fields_parse_with(template, "IMAGE ID");
	for (size_t i = 0; i < n; i++) {
		fields_row_begin(f);
		put_row(&all[i]);
		fields_row_end(f);
	}
	fields_finish(f);
	return 0;
}

static int images(int argc, char **argv)
{
	return list_images(&cmd_images, argc, argv);
}

static int image_ls(int argc, char **argv)
{
	return list_images(&cmd_image_ls, argc, argv);
}

static const struct option_row images_options[] = {
	{ 'a', "all", NULL, NULL },               /* ignored: all images are always shown */
	{ KEY_NO_TRUNC, "no-trunc", NULL, NULL }, /* ignored: no text is ever cut */
	{ 'q', "quiet", NULL, "only the names" },
	{ 'f', "filter", "KEY=VALUE",
		"only those that fit: reference=PATTERN, label=NAME[=VALUE], before=IMAGE, "
		"since=IMAGE, dangling=true: named by their digest (build without -t, or load "
		"found no name); may be given several times" },
	{ KEY_FORMAT, "format", "TEMPLATE",
		"print fields: {{.Repository}}, {{.CreatedAt}}, {{.CreatedSince}}, {{.Size}}, "
		"{{.VirtualSize}}, {{.Path}}; json, or table {{.Repository}}\\t{{.Size}}" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_images = {
	.name = "images",
	.args = "[PATTERN]",
	.help = "Lists images: their age, what they take on the disk, and the room inside.",
	.text = "Images have names and no tags: {{.Tag}} is always latest.",
	.options = images_options,
	.run = images,
};

const struct command cmd_image_ls = {
	.name = "image ls",
	.args = "[PATTERN]",
	.help = "Lists images, as nestctl images.",
	.options = images_options,
	.hidden = true,
	.run = image_ls,
};

/* ---- rmi ---- */

/* Appends @name to a list such as "web, db". */
static const char *add_name(const char *names, const char *name)
{
	return format("%s%s%s", names, *names ? ", " : "", name);
}

/* True if the instance runs, or will run again. */
static bool runs(const struct service *s)
{
	return s->seen.phase == PHASE_RUNNING || s->seen.phase == PHASE_RESTARTING;
}

/*
 * Lists the names of instances that use the image @file. *running: all that run, kept or not.
 * *ended: kept instances that do not run.
 */
static void find_users(const char *file, const char **running, const char **ended)
{
	size_t nr_kept, nr_running;
	struct service *kept = services_all(&nr_kept);
	struct instance *all = instances_find(NULL, &nr_running);

	*running = *ended = "";
	for (size_t i = 0; i < nr_kept; i++)
		if (!strcmp(kept[i].spec.file, file)) {
			const char **names = runs(&kept[i]) ? running : ended;

			*names = add_name(*names, kept[i].name);
		}
	for (size_t i = 0; i < nr_running; i++) {
		bool skip = strcmp(all[i].image, file) != 0;

		for (size_t k = 0; k < nr_kept && !skip; k++)
			skip = !strcmp(kept[k].name, all[i].name);
		if (!skip)
			*running = add_name(*running, all[i].name);
	}
}

/*
 * Dies if an instance that uses the image runs. Without @force, also dies if a kept instance has a
 * layer over it.
 */
static void check_use(const char *name, bool force)
{
	char *file = realpath(image_path(name), NULL);
	const char *running, *ended;

	if (!file)
		return;
	find_users(file, &running, &ended);
	free(file);
	if (*running)
		die("%s: an instance runs over it: %s%s%s", name, running,
			*ended ? "; kept ones need it: " : "", ended);
	if (*ended && !force)
		die("%s: the layer of an instance is over it: %s; nestctl rm removes that, -f does "
		    "not care",
			name, ended);
}

static void prune(void *unused)
{
	templates_prune();
}

/* Removes an image and prints its name. @arg: a bool, true to remove one that is used. */
static void remove_one(const char *name, void *arg)
{
	check_use(name, *(const bool *)arg);
	image_remove(name);
	puts(name);
}

/*
 * Removes the named images. Prints a message for each one that cannot be removed. Returns the exit
 * status.
 */
static int remove_all(const struct command *c, int argc, char **argv)
{
	bool force = false;
	int status;

	while (next_option(c, argc, argv))
		force = true;
	status = each_name(take_words(c, argc, argv, 1, -1), remove_one, &force);
	attempt(prune, NULL);
	return status;
}

static int rmi(int argc, char **argv)
{
	return remove_all(&cmd_rmi, argc, argv);
}

static int image_rm(int argc, char **argv)
{
	return remove_all(&cmd_image_rm, argc, argv);
}

static const struct option_row rmi_options[] = {
	{ 'f', "force", NULL, "also where an instance that does not run needs it" },
	{ 0 },
};

const struct command cmd_rmi = {
	.name = "rmi",
	.args = "IMAGE...",
	.help = "Removes images that no instance uses.",
	.text = "An image is not removed while an instance runs over it, nor, without -f, while a "
		"detached one that has ended could be started again.",
	.options = rmi_options,
	.run = rmi,
};

const struct command cmd_image_rm = {
	.name = "image rm",
	.args = "IMAGE...",
	.help = "Removes images that no instance uses, and prints their names.",
	.text = "An image is not removed while an instance runs over it, nor, without -f, while a "
		"detached one that has ended could be started again. Other copy-on-write layers "
		"over it are not detected. Its templates (run) go with it.",
	.options = rmi_options,
	.run = image_rm,
};

/* ---- prune ---- */

static void remove_unused(void *arg)
{
	image_remove(arg);
}

uint64_t images_prune(const struct image_filter *only)
{
	uint64_t sum = 0;
	size_t n;
	struct image *all = images_all(NULL, &n);

	for (size_t i = 0; i < n; i++) {
		const char *why;

		if (image_is_used(&all[i]) || (only && !image_filter_fits(only, all[i].name,
							       all[i].file, created(&all[i]))))
			continue;
		why = attempt(remove_unused, (void *)all[i].name);
		if (why) {
			warn("%s", why);
			continue;
		}
		/* a file with another name keeps its blocks */
		sum += all[i].st.st_nlink > 1 ? 0 : (uint64_t)all[i].st.st_blocks * 512;
		puts(all[i].name);
	}
	return sum;
}

/* True if the filter selects an image of the store. */
static bool fits_any(const struct image_filter *f)
{
	size_t n;
	struct image *all = images_all(NULL, &n);
	const bool any = keep_fitting(f, all, n);

	free(all);
	return any;
}

static int image_prune(int argc, char **argv)
{
	struct image_filter filter = { .n = 0 };
	bool all = false, force = false;
	uint64_t sum;

	for (int key; (key = next_option(&cmd_image_prune, argc, argv));)
		switch (key) {
		case 'a': all = true; break;
		case 'f': force = true; break;
		default: image_filter_add(&filter, optarg);
		}
	take_words(&cmd_image_prune, argc, argv, 0, 0);
	if (!all)
		image_filter_add(&filter, "dangling=true");
	if (!all && !fits_any(&filter)) {
		fputs("no such image is without a name of its own; -a removes those that no "
		      "instance needs\n",
			stderr);
		return 0;
	}
	if (!force &&
		!volume_ask("image prune",
			format("nestctl: this removes each image %sthat no instance needs. Go on?",
				all ? "" : "without a name of its own ")))
		return 1;
	sum = images_prune(&filter);
	attempt(prune, NULL);
	fprintf(stderr, "%s were freed\n", size_text((double)sum));
	return 0;
}

enum { KEY_FILTER = 256 };
static const struct option_row prune_options[] = {
	{ 'a', "all", NULL,
		"all images that no instance needs, not only those named by their digest" },
	{ 'f', "force", NULL, "do not ask" },
	{ KEY_FILTER, "filter", "KEY=VALUE",
		"only those that fit, as of nestctl images; may be given several times" },
	{ 0 },
};

const struct command cmd_image_prune = {
	.name = "image prune",
	.args = "",
	.help = "Removes images that no instance needs, and prints their names.",
	.text = "It asks first. Without -a only images are removed that are named by their digest: "
		"those of nestctl build without -t, and those for which nestctl load found no "
		"name.",
	.options = prune_options,
	.run = image_prune,
};
