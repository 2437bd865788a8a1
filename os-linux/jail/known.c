/* SPDX-License-Identifier: MIT */
/*
 * known.c: regular files that the kernel process has or had open, by their device and inode
 * numbers. The kernel process may open them again for reading, by its descriptors. It may also link
 * two kinds of files under another name: files that no process writes to, which it cannot write
 * under the new name either; and its own files, which had no name at first or were made for it.
 */
#include <stddef.h>
#include <sys/stat.h>

#include "os-linux/jail/broker.h"

/* kept files stay; of the others, the oldest are replaced */
#define KNOWN_MAX 4096
static struct known {
	dev_t dev;
	ino_t ino;
	/* true: no process writes to it, by any name */
	bool is_kept;
	/* true: its first name was made for the kernel process */
	bool is_own;
} known[KNOWN_MAX];
static int nr_known, next_known;

static struct known *find(const struct stat *st)
{
	for (int i = 0; i < nr_known; i++)
		if (known[i].dev == st->st_dev && known[i].ino == st->st_ino)
			return &known[i];
	return NULL;
}

bool known_keeps(const struct stat *st)
{
	const struct known *k = find(st);

	return k && k->is_kept;
}

bool known_has(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && find(&st);
}

bool known_may_link(int fd)
{
	const struct known *k;
	struct stat st;

	k = fstat(fd, &st) ? NULL : find(&st);
	return k && (k->is_kept || k->is_own);
}

/*
 * Returns the entry of the file, found or new, with both flags cleared. Returns NULL if the file is
 * not regular, or if the table is full of kept files.
 */
static struct known *add(int fd)
{
	struct known *k;
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return NULL;
	k = find(&st);
	if (!k && nr_known < KNOWN_MAX)
		k = &known[nr_known++];
	for (int n = 0; !k && n < KNOWN_MAX; n++, next_known = (next_known + 1) % KNOWN_MAX)
		if (!known[next_known].is_kept)
			k = &known[next_known];
	if (k)
		*k = (struct known){ .dev = st.st_dev, .ino = st.st_ino };
	return k;
}

void known_add(int fd, bool is_kept)
{
	struct known *k = add(fd);

	if (k)
		k->is_kept = is_kept;
}

void known_own(int fd)
{
	struct known *k = add(fd);

	if (k)
		k->is_own = true;
}

void known_let_write(const char *path)
{
	struct known *k = NULL;
	struct stat st;

	if (!stat(path, &st))
		k = find(&st);
	if (k)
		k->is_kept = false;
}
