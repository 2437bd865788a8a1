/* SPDX-License-Identifier: MIT */
/* images.c: `nestctl images` and `nestctl rmi`: the images of the store, as docker's users ask. */
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
#include "tools/nestctl/run/template.h"
#include "tools/nestctl/service/images.h"
#include "tools/nestctl/service/view.h"

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
		*count += !only || !strcmp(only, im->name);
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

static int64_t created(const struct image *im)
{
	return im->st.st_mtim.tv_sec * 1000000000L + im->st.st_mtim.tv_nsec;
}

static const char *since(const struct image *im)
{
	return format("%s ago", duration_text(now_ns() - created(im)));
}

static void put_row(const struct image *im)
{
	json_open(NULL, '{');
	json_text("ID", im->name);
	json_text("Repository", im->name);
	json_text("Tag", "latest");
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

enum { KEY_FORMAT = 256 };

static int images(int argc, char **argv)
{
	bool quiet = false, json = false;
	const char *template = NULL;
	struct image *all;
	struct fields *f;
	size_t n;

	for (int key; (key = next_option(&cmd_images, argc, argv));)
		switch (key) {
		case 'q': quiet = true; break;
		case 'a': break;
		case KEY_FORMAT: template = optarg; break;
		default: json = true;
		}
	all = images_all(take_words(&cmd_images, argc, argv, 0, 1)[0], &n);
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
	f = fields_parse(template);
	for (size_t i = 0; i < n; i++) {
		fields_row_begin(f);
		put_row(&all[i]);
		fields_row_end(f);
	}
	fields_finish(f);
	return 0;
}

static const struct option_row images_options[] = {
	{ 'a', "all", NULL, NULL }, /* there are no others */
	{ 'q', "quiet", NULL, "only the names" },
	{ KEY_FORMAT, "format", "TEMPLATE",
		"print fields: {{.Repository}}, {{.CreatedAt}}, {{.CreatedSince}}, {{.Size}}, "
		"{{.VirtualSize}}, {{.Path}}; json, or table {{.Repository}}\\t{{.Size}}" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_images = {
	.name = "images",
	.args = "[IMAGE]",
	.help = "Lists images: their age, what they take on the disk, and the room inside.",
	.text = "Images have names and no tags: {{.Tag}} is always latest.",
	.options = images_options,
	.run = images,
};

/* ---- rmi ---- */

/* Dies if a kept instance has its layer over the image. */
static void check_use(const char *name)
{
	char *file = realpath(image_path(name), NULL);
	size_t n;
	struct service *all = services_all(&n);

	for (size_t i = 0; file && i < n; i++)
		if (!strcmp(all[i].spec.file, file))
			die("%s: the layer of the instance %s is over it; nestctl rm %s removes "
			    "that, "
			    "rmi -f does not care",
				name, all[i].name, all[i].name);
	free(file);
}

static void prune(void *unused)
{
	templates_prune();
}

static int rmi(int argc, char **argv)
{
	bool force = false;

	for (int key; (key = next_option(&cmd_rmi, argc, argv));)
		force = true;
	for (char **name = take_words(&cmd_rmi, argc, argv, 1, -1); *name; name++) {
		if (!force)
			check_use(*name);
		image_remove(*name);
		puts(*name);
	}
	attempt(prune, NULL);
	return 0;
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
