/* SPDX-License-Identifier: MIT */
/* names.c: the numbers and names of a state's files, and the folder of successive saves. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/migrate/migrate.h"

static char names[MIG_FILES][MIG_NAME];

const char *mig_name(int i)
{
	int layer = i - 1 - STATE_OLDER, unit = layer / (STATE_PARTS + 1);
	int part = layer % (STATE_PARTS + 1);
	char *to = names[i];

	if (*to)
		return to;
	if (i <= STATE_OLDER)
		return strcpy(to, i ? state_older_names[i - 1] : STATE_MEMORY);
	if (part)
		snprintf(to, MIG_NAME, "ubd%d.layer.%d", unit, part);
	else
		snprintf(to, MIG_NAME, "ubd%d.layer", unit);
	return to;
}

int mig_number(const char *name)
{
	for (int i = 0; i < MIG_FILES; i++)
		if (!strcmp(mig_name(i), name))
			return i;
	return -1;
}

static bool is_there(int dir, int i)
{
	return !faccessat(dir, mig_name(i), F_OK, AT_SYMLINK_NOFOLLOW);
}

void mig_next(int dir)
{
	int nr = 0;

	while (nr < STATE_OLDER && is_there(dir, nr + 1))
		nr++;
	if (nr == STATE_OLDER) {
		/*
		 * keep only the oldest file, which has all pages; the kernel writes those again
		 * that have changed since
		 */
		for (int i = 0; i < nr; i++)
			unlinkat(dir, mig_name(i), 0);
		renameat(dir, mig_name(nr), dir, mig_name(0));
		nr = 0;
	}
	for (int i = nr; i >= 0; i--)
		renameat(dir, mig_name(i), dir, mig_name(i + 1));
	for (int i = 1 + STATE_OLDER; i < MIG_FILES; i++) {
		pool_keep(dir, mig_name(i));
		unlinkat(dir, mig_name(i), 0);
	}
}
