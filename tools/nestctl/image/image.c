/* SPDX-License-Identifier: MIT */
/*
 * image.c: the folder of images, and the small commands about images. `image build` is in build.c.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/image/archive.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/image/image_filter.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/table.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/service/images.h"

#define LATEST ":latest"
#define LATEST_LEN (sizeof(LATEST) - 1)
#define SUFFIX ".ext4"

const char *data_dir(const char *what)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && *data == '/')
		return format("%s/nestling/%s", data, what);
	if (!home || *home != '/')
		die("neither XDG_DATA_HOME nor HOME is set; %s have no folder, only paths", what);
	return format("%s/.local/share/nestling/%s", home, what);
}

const char *image_dir(void)
{
	return data_dir("images");
}

static const char *path_of(const char *name)
{
	return format("%s/%s" SUFFIX, image_dir(), name);
}

const char *image_stem(const char *name)
{
	const size_t n = strlen(name);

	if (n > LATEST_LEN && !strcmp(name + n - LATEST_LEN, LATEST) && access(path_of(name), F_OK))
		return format("%.*s", (int)(n - LATEST_LEN), name);
	return name;
}

/* Returns the name without docker's registry, where nothing but a name is left. */
static const char *without_registry(const char *name)
{
	static const char registry[] = "docker.io/", library[] = "library/";
	const char *rest = name + sizeof(registry) - 1;

	if (strncmp(name, registry, sizeof(registry) - 1) != 0)
		return name;
	if (!strncmp(rest, library, sizeof(library) - 1))
		rest += sizeof(library) - 1;
	return *rest && !strchr(rest, '/') ? rest : name;
}

const char *image_path(const char *name)
{
	if (!*name)
		die("an image needs a name");
	name = without_registry(name);
	return strchr(name, '/') ? name : path_of(image_stem(name));
}

static const struct command cmd_list_images, cmd_path;

static void print_json(const char *name, const char *file, const struct stat *st)
{
	json_open(NULL, '{');
	json_text("name", name);
	json_text("file", file);
	json_number("size", st->st_size);
	json_number("disk", st->st_blocks * 512);
	json_number("changed", st->st_mtime);
	json_close('}');
}

static int image_list(int argc, char **argv)
{
	const char *dir = image_dir();
	bool json = false, names_only = false;
	struct image_filter filter = { .n = 0 };
	struct table *t = NULL;
	struct dirent **names;
	int n;

	for (int key; (key = next_option(&cmd_list_images, argc, argv));)
		if (key == 'f')
			image_filter_add(&filter, optarg);
		else
			*(key == KEY_JSON ? &json : &names_only) = true;
	take_words(&cmd_list_images, argc, argv, 0, 0);
	n = scandir(dir, &names, NULL, alphasort);
	if (n < 0 && errno != ENOENT)
		die("%s: %s", dir, strerror(errno));
	if (json)
		json_open(NULL, '[');
	else if (!names_only)
		t = table_new((const char *[]){ "IMAGE", "SIZE", "ROOM", NULL });
	for (int i = 0; i < n; i++) {
		char *dot = strrchr(names[i]->d_name, '.');
		char *file = format("%s/%s", dir, names[i]->d_name);
		struct stat st;

		if (!dot || strcmp(dot, SUFFIX) || stat(file, &st))
			continue;
		*dot = '\0';
		if (!image_filter_fits(&filter, names[i]->d_name, file,
			    st.st_mtim.tv_sec * 1000000000L + st.st_mtim.tv_nsec))
			continue;
		if (json)
			print_json(names[i]->d_name, file, &st);
		else if (names_only)
			puts(names[i]->d_name);
		else
			table_row(t, (const char *[]){ names[i]->d_name,
					     size_text((double)st.st_blocks * 512),
					     size_text((double)st.st_size) });
	}
	if (json)
		json_close(']');
	if (t)
		table_print(t);
	return 0;
}

static int image_path_of(int argc, char **argv)
{
	const char *path;

	next_option(&cmd_path, argc, argv);
	path = image_path(take_words(&cmd_path, argc, argv, 1, 1)[0]);
	if (access(path, F_OK))
		die("%s: %s", path, strerror(errno));
	return puts(path) < 0;
}

static const struct option_row list_options[] = {
	OPTION_JSON,
	{ 'q', "names", NULL, "only the names, one a line" },
	{ 'q', "quiet", NULL, NULL },
	{ 'f', "filter", "KEY=VALUE",
		"only those that fit: reference=PATTERN, label=NAME[=VALUE], before=IMAGE, "
		"since=IMAGE; may be given several times" },
	{ 0 },
};
static const struct command cmd_list_images = {
	.name = "image list",
	.args = "",
	.help = "Lists the images that have names.",
	.options = list_options,
	.run = image_list,
};
static const struct command cmd_path = {
	.name = "image path",
	.args = "IMAGE",
	.help = "Prints the path of an image's file.",
	.run = image_path_of,
};
static const struct command *const image_commands[] = { &cmd_image_build, &cmd_image_import,
	&cmd_image_export, &cmd_image_save, &cmd_image_load, &cmd_list_images, &cmd_image_ls,
	&cmd_image_inspect, &cmd_path, &cmd_image_rm, &cmd_image_prune, NULL };

const struct command cmd_image = {
	.name = "image",
	.help = "Makes, imports, exports, lists and removes images.",
	.text = "build, import and export are done by nestctl-image, which needs libarchive and "
		"libext2fs. It is looked for beside nestctl, in ../libexec/nestling and in PATH.",
	.sub = image_commands,
};
