/* SPDX-License-Identifier: MIT */
/* docker_words.c: docker's options of `nestctl run`, and messages for values that nestctl lacks. */
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/docker.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/service.h"

const char *run_network_kind(const char *text)
{
	static const char *const kinds[] = { "none", "slirp", "tuntap", "fd", "switch", "vde",
		"mcast" };

	if (!strcmp(text, "host"))
		die("run: --network host: an instance has a network of its own; -p leads into it, "
		    "and --host-loopback to the servers of this machine");
	if (!strcmp(text, "bridge") || !strcmp(text, "default"))
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcspn(text, ",") == strlen(kinds[i]) &&
			!strncmp(text, kinds[i], strlen(kinds[i])))
			return text;
	die("run: --network %s: no such kind of network (none, slirp, tuntap, fd, switch, vde, "
	    "mcast); a network of instances is --net switch,PATH, and `nestctl switch --dhcp "
	    "10.1.0.0/24 PATH` serves it",
		text);
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
		die("run: --pull %s: expected never or missing; nestctl pull gets an image", text);
}

/*
 * Returns the index of the first volume that has the guest path of the last volume, perhaps that
 * volume itself. Slashes at the end of a path do not count.
 */
static int first_at_place(const struct run *r)
{
	const char *guest = r->volumes[r->nr_volumes - 1].guest;
	size_t n = strlen(guest);
	int i = 0;

	while (guest[n - 1] == '/')
		n--;
	for (;; i++) {
		const char *other = r->volumes[i].guest;

		if (!strncmp(other, guest, n) && !other[n + strspn(other + n, "/")])
			return i;
	}
}

void run_replace_inherited(struct run *r, char *(*word)(const struct volume *v))
{
	const int i = first_at_place(r);
	char **w = r->words, *gone;

	if (!r->volumes[i].inherited)
		return;
	gone = word(&r->volumes[i]);
	while (strcmp(*w, gone) != 0)
		w++;
	for (r->nr_words--; *w; w++)
		w[0] = w[1];
	r->nr_volumes--;
	memmove(&r->volumes[i], &r->volumes[i + 1],
		(size_t)(r->nr_volumes - i) * sizeof(r->volumes[0]));
}

void run_add_volumes_from(struct run *r, const char *text, char *(*word)(const struct volume *v),
	void (*keep)(struct run *r))
{
	static const char option[] = "--volume=";
	const size_t n = strcspn(text, ":");
	const char *name = format("%.*s", (int)n, text), *mode = text + n;
	const bool rdonly = !strcmp(mode, ":ro");
	struct service s;
	int other;

	if (*mode && !rdonly && strcmp(mode, ":rw") != 0)
		die("run: --volumes-from %s: expected NAME, NAME:ro or NAME:rw", text);
	if (!*name || strchr(name, '/') || !service_find(&s, name))
		die("run: --volumes-from %s: no instance of this name is kept", text);
	for (char **w = s.spec.words; *w; w++) {
		if (strncmp(*w, option, sizeof(option) - 1) != 0)
			continue;
		run_add_volume(r, format("%s", *w + sizeof(option) - 1));
		other = first_at_place(r);
		if (other != r->nr_volumes - 1 && !r->volumes[other].inherited) {
			r->nr_volumes--;
			continue;
		}
		r->volumes[r->nr_volumes - 1].inherited = true;
		if (rdonly)
			r->volumes[r->nr_volumes - 1].rdonly = true;
		if (other != r->nr_volumes - 1)
			run_replace_inherited(r, word);
		keep(r);
	}
	service_close(&s);
}
