/* SPDX-License-Identifier: MIT */
/*
 * replace_host.h: gives a file that has a name other content, all or nothing. Host world.
 *
 * The content is written to another file of the folder, which then gets the name. So whatever ends
 * this process, the name leads to the old content or to the new one. Until then both need room. A
 * reader that has the old file open still reads the old content.
 *
 *	int fd = replace_begin(&r, old);
 *	if (fd >= 0) fill(fd), replace_end(&r);	or replace_drop(&r)
 */
#ifndef NESTLING_UBD_REPLACE_HOST_H
#define NESTLING_UBD_REPLACE_HOST_H

#include "drivers/ubd/part_host.h"

struct replace {
	int fd;
	char path[PART_NAME]; /* of the old file */
	/* of the new file until it has the old one's, "": it has none yet */
	char made[PART_NAME];
};

/*
 * Makes an empty file to take the place of the open file @old, with its owner and mode. Returns its
 * descriptor, which stays @r's, or -errno. -EOPNOTSUPP: the old file can only be written in place,
 * since it has other names, or its name is a mount point or another file's by now.
 */
int replace_begin(struct replace *r, int old);
/* Brings the content to the disk and gives it the name. Returns 0 or -errno: nothing is changed. */
int replace_end(struct replace *r);
/* Removes the new file. */
void replace_drop(struct replace *r);

#endif
