/* SPDX-License-Identifier: MIT */
/*
 * copy.c: copies the content of a folder, such as the image's /run, into the file system that is
 * mounted over it. The built-in init calls it before any other program runs, so no file changes
 * meanwhile.
 */
#include "tools/init/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE (1 << 20)

/* Copy an entry of the folder @from. Return 0, or -1 with errno. */
static int copy_file(int from, int to, const char *name)
{
	int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t n = in < 0 || out < 0 ? -1 : 1;

	while (n > 0)
		n = sendfile(out, in, NULL, PIECE);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return n ? -1 : 0;
}

static int copy_link(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	return symlinkat(target, to, name);
}

static int copy_subfolder(int from, int to, const char *name)
{
	int in, out;

	if (mkdirat(to, name, 0700))
		return -1;
	in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return copy_folder(in, out);
}

/*
 * Copies one entry with its owner, mode and times. The mode is set last, since chown clears bits.
 */
static int copy_entry(int from, int to, const char *name)
{
	struct timespec times[2];
	struct stat st;
	int bad;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW))
		return -1;
	if (S_ISDIR(st.st_mode))
		bad = copy_subfolder(from, to, name);
	else if (S_ISREG(st.st_mode))
		bad = copy_file(from, to, name);
	else if (S_ISLNK(st.st_mode))
		bad = copy_link(from, to, name);
	else
		bad = mknodat(to, name, st.st_mode, st.st_rdev);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	bad |= fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW);
	if (!S_ISLNK(st.st_mode))
		bad |= fchmodat(to, name, st.st_mode & 07777, 0);
	return bad | utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
}

int copy_folder(int from, int to)
{
	DIR *dir = from < 0 || to < 0 ? NULL : fdopendir(from);
	struct dirent *d;
	int first = dir ? 0 : errno;

	while (dir && (d = readdir(dir))) {
		bool itself = !strcmp(d->d_name, ".") || !strcmp(d->d_name, "..");

		if (!itself && copy_entry(from, to, d->d_name) && !first)
			first = errno;
	}
	if (dir)
		closedir(dir);
	else if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	errno = first;
	return first ? -1 : 0;
}
