/* SPDX-License-Identifier: MIT */
/* pull.c: `nestctl pull`: skopeo(1) fetches an image into a temporary layout, which is imported. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/build/build.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/image/image.h"

/* Runs a program whose output goes to nestctl's standard error. Dies if it fails. */
static void must_run(const char *const argv[], const char *what)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), status;

	status = wait_for(spawn(argv, (const int[]){ null, 2, 2 }));
	close(null);
	if (status)
		die("pull: %s: not pulled: %s ended with status %d", what, argv[0], status);
}

/* Returns "alpine:3" for "registry/library/alpine:3". */
static const char *name_for(const char *image)
{
	const char *slash = strrchr(image, '/');
	char *name = format("%s", image_name_of(slash ? slash + 1 : image));

	name[strcspn(name, "@")] = '\0';
	return name;
}

int pull_image(int argc, char **argv)
{
	const char *image, *name, *layout;
	char **words;

	while (next_option(&cmd_pull, argc, argv))
		;
	words = take_words(&cmd_pull, argc, argv, 1, 2);
	image = words[0];
	name = words[1] ? words[1] : name_for(image);
	if (!find_program("skopeo"))
		die("pull: skopeo is not installed; where it is: skopeo copy docker://%s "
		    "oci-archive:FILE, then here: nestctl image import FILE %s",
			image, name);
	if (!strchr(name, '/') && !access(image_path(name), F_OK))
		die("%s: there is one already; `nestctl rmi` removes it", name);
	layout = format("%s/oci", temporary_folder("the image"));
	must_run((const char *const[]){ "skopeo", "copy", format("docker://%s", image),
			 format("oci:%s", layout), NULL },
		image);
	must_run((const char *const[]){ nestctl_path, "image", "import", layout, name, NULL },
		image);
	puts(name);
	return 0;
}
