/* SPDX-License-Identifier: MIT */
/*
 * older.c: a state's own memory file has only the pages that differ from its parent's. The others
 * are in the parent's file, to which the state has a hard link, so that the parent may be removed.
 * os-linux/state/file.h describes how the kernel combines the files.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/state/state.h"

/*
 * A state shares no file with a parent that has memory.OLDER_MAX or a file of a higher number: the
 * state then has all pages itself.
 */
#define OLDER_MAX 4

const char *const state_older_names[STATE_OLDER] = { "memory.1", "memory.2", "memory.3", "memory.4",
	"memory.5", "memory.6", "memory.7" };

/* True if the parent's older files have too high a number for another one to be added. */
static bool has_too_many(const struct state *parent)
{
	for (int i = OLDER_MAX - 1; i < STATE_OLDER; i++)
		if (parent->older[i].name)
			return true;
	return false;
}

void older_link(const struct state *parent, const struct state_new *n)
{
	bool linked;

	if (!parent || has_too_many(parent))
		return;
	linked = !linkat(parent->fd, STATE_MEMORY, n->fd, state_older_names[0], 0);
	for (int i = 0; linked && i < OLDER_MAX; i++)
		if (parent->older[i].name)
			linked = !linkat(parent->fd, state_older_names[i], n->fd,
				state_older_names[i + 1], 0);
	for (int i = 0; !linked && i < STATE_OLDER; i++)
		unlinkat(n->fd, state_older_names[i], 0);
}

/* Takes the checksum from the parent's description, without reading the file. */
void older_describe(struct state *s, const struct state *parent, int dirfd)
{
	for (int i = 0; parent && i < STATE_OLDER; i++) {
		const struct state_file *of = i ? &parent->older[i - 1] : &parent->memory;
		struct stat st;

		if (fstatat(dirfd, state_older_names[i], &st, AT_SYMLINK_NOFOLLOW))
			continue;
		s->older[i] = *of;
		s->older[i].name = state_older_names[i];
		s->older[i].disk = (uint64_t)st.st_blocks * 512;
	}
}

const struct state_file *state_nth_file(const struct state *s, size_t i)
{
	if (!i--)
		return &s->memory;
	for (int k = 0; k < STATE_OLDER; k++)
		if (s->older[k].name && !i--)
			return &s->older[k];
	for (int k = 0; k < STATE_DISKS; k++) {
		const struct state_disk *d = &s->disks[k];

		if (d->layer.name && !i--)
			return &d->layer;
		for (int part = 0; part < STATE_PARTS && d->below[part].name; part++)
			if (!i--)
				return &d->below[part];
	}
	return NULL;
}
