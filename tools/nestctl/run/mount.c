/* SPDX-License-Identifier: MIT */
/* mount.c: `nestctl run --mount`, docker's long form of -v and --tmpfs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/run/run.h"
#include "tools/nestctl/service/volume.h"

/* The words of --mount. Texts are NULL if they are missing. */
struct mount {
	const char *type, *source, *target, *size, *mode;
	bool rdonly;
};

/* True for docker's "readonly", with or without a value that means true. */
static bool is_true(const char *text, const char *value)
{
	if (!value || !strcmp(value, "true") || !strcmp(value, "1"))
		return true;
	if (strcmp(value, "false") && strcmp(value, "0"))
		die("run: --mount %s: readonly is true or false", text);
	return false;
}

static struct mount parse(const char *text)
{
	struct mount m = { .type = "volume" };
	char *rest = format("%s", text);

	for (char *word; (word = strsep(&rest, ","));) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		if (!strcmp(word, "readonly") || !strcmp(word, "ro"))
			m.rdonly = is_true(text, value);
		else if (value && !strcmp(word, "type"))
			m.type = value;
		else if (value && (!strcmp(word, "source") || !strcmp(word, "src")))
			m.source = value;
		else if (value && (!strcmp(word, "target") || !strcmp(word, "destination") ||
					  !strcmp(word, "dst")))
			m.target = value;
		else if (value && !strcmp(word, "tmpfs-size"))
			m.size = value;
		else if (value && !strcmp(word, "tmpfs-mode"))
			m.mode = value;
		else
			die("run: --mount %s: '%s' is not known; there are type, source, target, "
			    "readonly, tmpfs-size and tmpfs-mode",
				text, word);
	}
	return m;
}

/* Returns the host's path to mount. Makes the volume if it does not exist. */
static const char *host_path(const struct mount *m, const char *text)
{
	if (!m->source || !*m->source)
		die("run: --mount %s: expected source=", text);
	if (!strcmp(m->type, "bind")) {
		if (access(m->source, F_OK))
			die("run: --mount: %s: %s", m->source, strerror(errno));
		/* a bare name would be taken for a volume */
		return strchr(m->source, '/') ? m->source : format("./%s", m->source);
	}
	if (!volume_is_name(m->source))
		die("run: --mount %s: source is no name of a volume", text);
	volume_make(m->source, NULL);
	return volume_data(m->source);
}

void run_add_mount(struct run *r, const char *text)
{
	const struct mount m = parse(text);
	const bool tmpfs = !strcmp(m.type, "tmpfs");

	if (!tmpfs && strcmp(m.type, "bind") != 0 && strcmp(m.type, "volume") != 0)
		die("run: --mount %s: type is bind, volume or tmpfs", text);
	if (!m.target || *m.target != '/' || strchr(m.target, ':') ||
		!m.target[strspn(m.target, "/.")])
		die("run: --mount %s: expected target=, a full path, not the root", text);
	if (tmpfs ? m.source != NULL : m.size || m.mode)
		die("run: --mount %s: %s has no %s", text, m.type,
			tmpfs ? "source" : "tmpfs-size and tmpfs-mode");
	r->tmpfs = NULL;
	if (!tmpfs)
		return run_add_volume(r,
			format("%s:%s:%s", host_path(&m, text), m.target, m.rdonly ? "ro" : "rw"));
	r->tmpfs = format("%s:%s%s%s%s%s", m.target, m.rdonly ? "ro" : "rw", m.size ? ",size=" : "",
		m.size ?: "", m.mode ? ",mode=" : "", m.mode ?: "");
	run_add_tmpfs(r, r->tmpfs);
}
