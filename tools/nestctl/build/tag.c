/* SPDX-License-Identifier: MIT */
/*
 * tag.c: `nestctl tag`: gives an image's file a second name, a hard link. Images of the store are
 * never written to, so both names keep their content.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/image.h"

static int tag(int argc, char **argv)
{
	const char *from;
	char **words;

	while (next_option(&cmd_tag, argc, argv))
		;
	words = take_words(&cmd_tag, argc, argv, 2, 2);
	from = image_path(words[0]);
	if (access(from, R_OK))
		die("%s: %s", from, strerror(errno));
	image_link(from, image_reserve(words[1]));
	return 0;
}

const struct command cmd_tag = {
	.name = "tag",
	.args = "IMAGE NAME",
	.help = "Gives an image a second name.",
	.text = "Both names are of one file, which nestctl rmi removes with the last of them. A "
		"build that replaces one leaves the other. An existing image is not "
		"replaced.\n\n\tnestctl tag debian debian:12",
	.run = tag,
};
