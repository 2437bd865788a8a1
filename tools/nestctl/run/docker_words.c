/* SPDX-License-Identifier: MIT */
/* docker_words.c: options of `nestctl run` that docker's users type, and what they cannot be. */
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/docker.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/service.h"

const char *run_network_kind(const char *text)
{
	if (!strcmp(text, "host"))
		die("run: --network host: an instance has a network of its own; -p leads into it, "
		    "and --host-loopback to the servers of this machine");
	return strcmp(text, "bridge") && strcmp(text, "default") ? text : NULL;
}

void run_set_cidfile(struct run *r, const char *path)
{
	if (!access(path, F_OK))
		die("run: --cidfile %s: exists; remove it if its instance is gone", path);
	r->cidfile = path;
}

void run_check_platform(const char *text)
{
	if (!platform_is_own(text))
		die("run: --platform %s: there is linux/amd64 only", text);
}

void run_check_pull(const char *text)
{
	if (strcmp(text, "never") && strcmp(text, "missing"))
		die("run: --pull %s: wants never or missing; nestctl pull gets an image", text);
}

void run_add_volumes_from(struct run *r, const char *text, void (*keep)(struct run *r))
{
	static const char option[] = "--volume=";
	const size_t n = strcspn(text, ":");
	const char *name = format("%.*s", (int)n, text), *mode = text + n;
	const bool rdonly = !strcmp(mode, ":ro");
	struct service s;

	if (*mode && !rdonly && strcmp(mode, ":rw") != 0)
		die("run: --volumes-from %s: wants NAME, NAME:ro or NAME:rw", text);
	if (!*name || strchr(name, '/') || !service_find(&s, name))
		die("run: --volumes-from %s: no instance of this name is kept", text);
	for (char **w = s.spec.words; *w; w++) {
		if (strncmp(*w, option, sizeof(option) - 1) != 0)
			continue;
		run_add_volume(r, format("%s", *w + sizeof(option) - 1));
		if (rdonly)
			r->volumes[r->nr_volumes - 1].rdonly = true;
		keep(r);
	}
	service_close(&s);
}
