/* SPDX-License-Identifier: MIT */
/*
 * archive.c: `nestctl export` and `nestctl image save`, which write archives as docker does: an
 * existing file is replaced.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/build.h"
#include "tools/nestctl/build/layer_tar.h"
#include "tools/nestctl/build/oci_write.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/image/archive.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/core/word_list.h"

/* Reads the options of both commands, which have only -o. Returns its file, or NULL. */
static const char *read_output(const struct command *c, int argc, char **argv)
{
	const char *out = NULL;

	while (next_option(c, argc, argv))
		out = strcmp(optarg, "-") ? optarg : NULL;
	return out;
}

/* Dies before any work if the archive cannot be written to @out. */
static void check_output(const struct command *c, const char *out)
{
	if (!out && isatty(1))
		die("%s: standard output is a terminal; -o FILE?", c->name);
	if (out && access(out, F_OK) && errno != ENOENT)
		die("%s: %s", out, strerror(errno));
}

int export_instance(int argc, char **argv)
{
	const char *out = read_output(&cmd_export, argc, argv);
	const char *name = take_words(&cmd_export, argc, argv, 1, 1)[0];
	struct layer layer;
	int fd = 1;

	check_output(&cmd_export, out);
	layer = instance_layer(name);
	if (out) {
		fd = output_open(out);
		output_by_umask(fd);
	}
	layer_tar(&layer, fd, out ?: "standard output", out ? filter_for(out) : NULL);
	if (out)
		output_finish(fd, out, true);
	return 0;
}

/* An image to save. */
struct saved {
	struct image_config settings;
	struct stat st;
};

/* True if both are one image under two names. */
static bool is_same(const struct saved *a, const struct saved *b)
{
	return a->st.st_dev == b->st.st_dev && a->st.st_ino == b->st.st_ino &&
	       a->settings.size == b->settings.size &&
	       (!a->settings.size || !memcmp(a->settings.text, b->settings.text, a->settings.size));
}

int image_save(int argc, char **argv)
{
	const char *out = read_output(&cmd_image_save, argc, argv);
	char **words = take_words(&cmd_image_save, argc, argv, 1, -1);
	const size_t most = words_count(words);
	struct oci_image *images = xalloc(most * sizeof(*images));
	struct saved *seen = xalloc(most * sizeof(*seen));
	size_t nr = 0;

	check_output(&cmd_image_save, out);
	for (; *words; words++) {
		const char *name = strchr(*words, '/') ? *words : image_name_of(*words);
		const char *file = image_path(name);
		size_t i = 0;

		images[nr].layer.file = realpath(file, NULL);
		if (!images[nr].layer.file || access(file, R_OK) || stat(file, &seen[nr].st))
			die("%s: %s", file, strerror(errno));
		seen[nr].settings = image_config_read(file);
		while (!is_same(&seen[i], &seen[nr]))
			i++;
		if (i == nr)
			images[nr++].config = config_of(&seen[i].settings);
		images[i].names = words_add(images[i].names, format("%s", name));
	}
	oci_write(images, nr, out, true);
	return 0;
}
