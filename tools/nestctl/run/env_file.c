/* SPDX-License-Identifier: MIT */
/* env_file.c: see env_file.h. */
#include "tools/nestctl/run/env_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/nestctl/core/nestctl.h"

#define LINE_MAX_LEN 65536

void env_file_read(
	const char *path, const char *command, void (*take)(void *arg, const char *text), void *arg)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (!f)
		die("%s: --env-file %s: %s", command, path, strerror(errno));
	while ((n = getline(&line, &room, f)) >= 0) {
		const char *text = line + strspn(line, " \t");

		if (n > LINE_MAX_LEN)
			die("%s: --env-file %s: a line is too long", command, path);
		line[strcspn(line, "\r\n")] = '\0';
		if (!*text || *text == '#')
			continue;
		if (*text == '=')
			die("%s: --env-file %s: '%s': no name", command, path, text);
		take(arg, text);
	}
	free(line);
	if (ferror(f))
		die("%s: --env-file %s: %s", command, path, strerror(errno));
	fclose(f);
}
