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

int image_save(int argc, char **argv)
{
	const char *out = read_output(&cmd_image_save, argc, argv), *name, *file;
	struct image_config settings;
	struct layer layer = { .file = NULL };
	struct config config;
	char **words = take_words(&cmd_image_save, argc, argv, 1, -1);

	check_output(&cmd_image_save, out);
	if (words[1])
		die("image save: an archive has one image here: %s or %s?", words[0], words[1]);
	name = strchr(words[0], '/') ? words[0] : image_name_of(words[0]);
	file = image_path(name);
	layer.file = realpath(file, NULL);
	if (!layer.file || access(file, R_OK))
		die("%s: %s", file, strerror(errno));
	settings = image_config_read(file);
	config = config_of(&settings);
	oci_write(&layer, &config, name, out, true);
	return 0;
}
