/* SPDX-License-Identifier: MIT */
/* image.c: where images live, and the small commands about them.  `image build` is in build.c. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/nestctl.h"

#define SUFFIX ".ext4"

const char *image_dir(void)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (data && *data == '/')
		return format("%s/nestling/images", data);
	if (!home || *home != '/')
		die("neither XDG_DATA_HOME nor HOME is set; name the image by a path");
	return format("%s/.local/share/nestling/images", home);
}

const char *image_path(const char *name)
{
	if (!*name)
		die("an image needs a name");
	if (strchr(name, '/'))
		return name;
	return format("%s/%s" SUFFIX, image_dir(), name);
}

static int image_list(void)
{
	const char *dir = image_dir();
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);

	if (n < 0 && errno != ENOENT)
		die("%s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		char *dot = strrchr(names[i]->d_name, '.');
		struct stat st;

		if (!dot || strcmp(dot, SUFFIX) ||
			stat(format("%s/%s", dir, names[i]->d_name), &st))
			continue;
		printf("%-24.*s %6lld MiB, %lld on disk\n", (int)(dot - names[i]->d_name),
			names[i]->d_name, (long long)st.st_size >> 20,
			(long long)st.st_blocks >> 11);
	}
	return 0;
}

int image_command(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (!strcmp(verb, "build"))
		return image_build(argc - 1, argv + 1);
	if (!strcmp(verb, "list") && argc == 2)
		return image_list();
	if (!strcmp(verb, "path") && argc == 3)
		return puts(image_path(argv[2])) < 0;
	if (!strcmp(verb, "rm") && argc == 3) {
		if (unlink(image_path(argv[2])))
			die("%s: %s", image_path(argv[2]), strerror(errno));
		return 0;
	}
	die("usage: nestctl image build [...] | list | path NAME | rm NAME");
}
