/* SPDX-License-Identifier: MIT */
/* bind.c: `nestctl run -v`: folders, files and volumes of the host in the instance. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/volume.h"

/*
 * Returns @text if it is a path, or else the folder of the volume @text, which is made if it does
 * not exist. A name in the working directory is taken as a path only if no volume has the name.
 */
static const char *volume_or_path(const char *text)
{
	if (!volume_is_name(text) || (!volume_exists(text) && !access(text, F_OK)))
		return text;
	volume_make(text, NULL);
	return volume_data(text);
}

/*
 * Cuts options such as ":ro,z" off a volume's text. Docker's options for SELinux and for caches of
 * other hosts are accepted without effect. True if the volume is read-only. If one of the words is
 * no option, cuts nothing and returns false.
 */
static bool volume_options(char *text)
{
	static const char *const known[] = { "rw", "ro", "z", "Z", "cached", "delegated",
		"consistent" };
	char *from = strrchr(text, ':'), *next;
	bool rdonly = false;

	for (char *word = from ? from + 1 : NULL; word; word = next) {
		size_t i = 0, n = strcspn(word, ",");

		while (i < sizeof(known) / sizeof(known[0]) &&
			(strlen(known[i]) != n || strncmp(known[i], word, n)))
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			return false;
		rdonly = rdonly || i == 1;
		next = word[n] ? word + n + 1 : NULL;
	}
	if (from)
		*from = '\0';
	return rdonly;
}

void run_add_volume(struct run *r, char *text)
{
	struct volume *v = &r->volumes[r->nr_volumes];
	struct stat st;
	char *guest;

	if (r->nr_volumes == VOLUMES_MAX)
		die("-v: no more than %d folders", VOLUMES_MAX);
	v->rdonly = volume_options(text);
	guest = strrchr(text, ':');
	if (!guest || guest == text || guest[1] != '/')
		die("-v %s: expected HOSTPATH:GUESTPATH[:ro], with GUESTPATH's full path", text);
	*guest = '\0';
	v->guest = guest + 1;
	if (!v->guest[strspn(v->guest, "/.")])
		die("-v %s:%s: the image's root cannot be covered", text, v->guest);
	v->host = realpath(volume_or_path(text), NULL);
	if (!v->host || stat(v->host, &st))
		die("-v %s: %s", text, strerror(errno));
	v->file = S_ISREG(st.st_mode);
	if (!S_ISDIR(st.st_mode) && !v->file)
		die("-v %s: neither a folder nor a regular file", text);
	if (access(v->host, v->file ? R_OK : R_OK | X_OK))
		die("-v %s: %s", text, strerror(errno));
	r->nr_volumes++;
}
