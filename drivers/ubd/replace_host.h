/* SPDX-License-Identifier: MIT */
/*
 * replace_host.h: gives a file that has a name other content, all or nothing. Host world.
 *
 * The content is written to another file of the folder, which then gets the name. So even if this
 * process is killed, the name leads to either the old or the new content. Until the end both need
 * room. A reader that has the old file open still reads the old content.
 *
 *	int fd = replace_begin(&r, old);
 *	if (fd >= 0) fill(fd), replace_end(&r);	or replace_drop(&r)
 */
#ifndef NESTLING_UBD_REPLACE_HOST_H
#define NESTLING_UBD_REPLACE_HOST_H

#include "drivers/ubd/part_host.h"

struct replace {
	int fd;               /* the new file, or -1 */
	char path[PART_NAME]; /* of the old file */
	/* temporary name of the new file, until it replaces the old one; "" if it has none yet */
	char made[PART_NAME];
};

/*
 * Makes an empty file, with owner and mode of the open file @old, to replace it. Returns its
 * descriptor, which @r owns, or -errno. -EOPNOTSUPP: the old file can only be written in place,
 * since it has other names, or its name is a mount point or now belongs to another file.
 */
int replace_begin(struct replace *r, int old);
/*
 * Syncs the content to the disk, moves the name to the new file, and closes that. Returns 0, or
 * -errno if nothing was changed; the new file is then removed.
 */
int replace_end(struct replace *r);
/* Removes and closes the new file. Does nothing after replace_end(). */
void replace_drop(struct replace *r);

#endif
