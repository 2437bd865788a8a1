/* SPDX-License-Identifier: MIT */
/*
 * known.c: regular files that the kernel process has or had open, by their device and inode
 * numbers. A file that is made later can get the inode number of one that was deleted, so the time
 * of the file's birth is compared, too, where the file system has one. The kernel process may open
 * these files again for reading, by its descriptors. It may also link two kinds of files under
 * another name: files that no process writes to, which it cannot write under the new name either;
 * and its own files, which had no name at first or were made for it.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "os-linux/jail/broker.h"

/* kept files stay; of the others, the oldest are replaced */
#define KNOWN_MAX 4096
static struct known {
	dev_t dev;
	uint64_t ino;
	/* ns: the time of its birth, or 0 if the file system has none */
	int64_t born;
	/* true: no process writes to it, by any name */
	bool is_kept;
	/* true: its first name was made for the kernel process */
	bool is_own;
} known[KNOWN_MAX];
static int nr_known, next_known;

/* Looks at a file, with both flags cleared. False if it is missing or not regular. */
static bool look(struct known *k, int dir, const char *name, int flags)
{
	struct statx st;

	if (statx(dir, name, flags, STATX_TYPE | STATX_INO | STATX_BTIME, &st) ||
		!S_ISREG(st.stx_mode))
		return false;
	*k = (struct known){ .dev = makedev(st.stx_dev_major, st.stx_dev_minor),
		.ino = st.stx_ino };
	if (st.stx_mask & STATX_BTIME)
		k->born = st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
	return true;
}

/* Returns the entry with these numbers, which may be that of a file that was deleted, or NULL. */
static struct known *with_numbers(const struct known *file)
{
	for (int i = 0; i < nr_known; i++)
		if (known[i].dev == file->dev && known[i].ino == file->ino)
			return &known[i];
	return NULL;
}

/* Returns the entry of a regular file, or NULL. */
static struct known *find(int dir, const char *name, int flags)
{
	struct known file, *k = look(&file, dir, name, flags) ? with_numbers(&file) : NULL;

	return k && k->born == file.born ? k : NULL;
}

bool known_keeps(int dir, const char *name)
{
	const struct known *k = find(dir, name, 0);

	return k && k->is_kept;
}

bool known_has(int fd)
{
	return find(fd, "", AT_EMPTY_PATH);
}

bool known_may_link(int fd)
{
	const struct known *k = find(fd, "", AT_EMPTY_PATH);

	return k && (k->is_kept || k->is_own);
}

/*
 * Returns the entry of the file, found or new, with both flags cleared. Returns NULL if the file is
 * not regular, or if the table is full of kept files.
 */
static struct known *add(int fd)
{
	struct known file, *k;

	if (!look(&file, fd, "", AT_EMPTY_PATH))
		return NULL;
	k = with_numbers(&file);
	if (!k && nr_known < KNOWN_MAX)
		k = &known[nr_known++];
	for (int n = 0; !k && n < KNOWN_MAX; n++, next_known = (next_known + 1) % KNOWN_MAX)
		if (!known[next_known].is_kept)
			k = &known[next_known];
	if (k)
		*k = file;
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
	struct known *k = find(AT_FDCWD, path, 0);

	if (k)
		k->is_kept = false;
}
