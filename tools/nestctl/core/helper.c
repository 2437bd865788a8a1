/* SPDX-License-Identifier: MIT */
/*
 * helper.c: executes nestctl-image, the program of the commands that need shared libraries, in
 * place of nestctl.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"

#define HELPER "nestctl-image"

/*
 * Returns the helper's path: in nestctl's folder, in libexec where `make install` puts it, or in
 * PATH. Returns NULL if it is missing.
 */
static const char *find_helper(const char *self)
{
	static const char *const places[] = { "", "../libexec/nestling/" };
	int dir = (int)(strrchr(self, '/') - self);

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *path = format("%.*s/%s" HELPER, dir, self, places[i]);

		if (!access(path, X_OK))
			return path;
	}
	return find_program(HELPER);
}

int helper_run(const struct command *c, int argc, char **argv)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char **words = xalloc(((size_t)argc + 3) * sizeof(*words)), *path;

	if (n <= 0)
		die("%s: cannot read /proc/self/exe: %s", c->name, strerror(errno));
	self[n] = '\0';
	path = find_helper(self);
	if (!path)
		die("%s: " HELPER " is not installed beside nestctl", c->name);
	words[0] = HELPER;
	words[1] = self;
	memcpy(words + 2, argv, (size_t)argc * sizeof(*words));
	/* pass the full name, since "build" alone is another command than "image build" */
	words[2] = c->name;
	execv(path, (char *const *)words);
	die("%s: cannot start %s: %s", c->name, path,
		errno == ENOENT ? "its dynamic loader is not installed" : strerror(errno));
}
