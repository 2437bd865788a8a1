/* SPDX-License-Identifier: MIT */
/*
 * pool.c: files of disks that outlive their states. Instances continue over a state's own files.
 * When the last state of such a file is removed while an instance has it open, the file gets a name
 * beside the store: `layers/INODE`. For a file that has lost all of its names can get none again,
 * and the next save of that instance would have to copy it.
 *
 * Instances hold a lock on what they have open (F_OFD_SETLK), which ends with them. A file here
 * that has no other name and no lock is removed when the store is swept.
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

/* True if an instance has the file open for reading, and none for writing. */
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
		/* on another file system: the next save copies it */
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
		/* the link of a state that has it is enough */
		if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (st.st_nlink > 1 || !is_read(fd)))
			unlinkat(dirfd(d), e->d_name, 0);
		close(fd);
	}
	if (d)
		closedir(d);
}
