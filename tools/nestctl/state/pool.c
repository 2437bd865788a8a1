/* SPDX-License-Identifier: MIT */
/*
 * pool.c: files of disks that are needed longer than their states. An instance that was saved or
 * started from a state has the state's layers below its own. When the last state with such a file
 * is removed while an instance has it open, the file gets a name beside the store: `layers/INODE`.
 * A file without a name could not be linked again, and the instance's next save would have to copy
 * it.
 *
 * Instances lock the files that they have open (F_OFD_SETLK). A file of `layers` is removed when
 * the store is swept, if it is not locked or has another name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/state/state.h"

static const char *folder(void)
{
	return data_dir("layers");
}

/* True if an instance has the file open read-only, and so holds a read lock. */
static bool is_read(int fd)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return !fcntl(fd, F_OFD_GETLK, &fl) && fl.l_type == F_RDLCK;
}

void pool_keep(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1 && is_read(fd)) {
		char *kept = format("%s/%llu", folder(), (unsigned long long)st.st_ino);

		mkdir(folder(), 0700);
		/* fails across file systems; the next save then copies the file */
		if (linkat(dirfd, name, AT_FDCWD, kept, 0) && errno == EEXIST && !unlink(kept))
			(void)!linkat(dirfd, name, AT_FDCWD, kept, 0);
		free(kept);
	}
	close(fd);
}

void pool_sweep(void)
{
	DIR *d = opendir(folder());

	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;
		int fd;

		if (*e->d_name == '.')
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			continue;
		/* a file that also has a name in a state's folder is not needed here */
		if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (st.st_nlink > 1 || !is_read(fd)))
			unlinkat(dirfd(d), e->d_name, 0);
		close(fd);
	}
	if (d)
		closedir(d);
}
