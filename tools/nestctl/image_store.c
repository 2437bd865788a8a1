/* SPDX-License-Identifier: MIT */
/*
 * image_store.c: the folder of images that have names, and who may change which of them.
 *
 * Who makes or removes an image holds a lock on a byte of the store's file .lock, which follows from the name: no lock files to clean up,
 * and a process that dies holds none. Two names that share a byte (of 2^62) would only keep each other waiting. Instances hold a
 * lock on the image itself (drivers/ubd/chain_host.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/chain_host.h"
#include "tools/nestctl/image.h"
#include "tools/nestctl/nestctl.h"

static void make_store(void)
{
	const char *dir = image_dir();

	make_dirs(format("%.*s", (int)(strrchr(dir, '/') - dir), dir));
	if (mkdir(dir, 0700) && errno != EEXIST)
		die("%s: cannot make the folder: %s", dir, strerror(errno));
}

static off_t byte_of(const char *name)
{
	uint64_t hash = 14695981039346656037u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 1099511628211u;
	return (off_t)(hash >> 2);
}

void image_lock(const char *name)
{
	struct flock fl = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte_of(name), .l_len = 1
	};
	const char *file;
	int fd;

	if (strchr(name, '/'))
		return;
	make_store();
	file = format("%s/.lock", image_dir());
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		die("%s: %s", file, strerror(errno));
	if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
		return; /* kept to our end */
	if (errno == EAGAIN || errno == EACCES)
		die("%s: another nestctl makes or removes it", name);
	die("%s: cannot lock it: %s", file, strerror(errno));
}

const char *image_reserve(const char *name)
{
	const char *path = image_path(name);

	if (!strchr(name, '/') && (*name == '.' || strlen(name) > 200))
		die("'%.200s' is no name for an image", name);
	image_lock(name);
	if (!access(path, F_OK))
		die("%s: there is one already; `nestctl image rm` removes it", name);
	return path;
}

void image_remove(const char *name)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	const char *path = image_path(name);
	char who[100];
	struct stat st;
	int fd, busy;

	image_lock(name);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == EACCES || errno == EROFS))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st))
		die("%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die("%s: not an image", path);
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR) {
		busy = fcntl(fd, F_OFD_SETLK, &fl) && (errno == EAGAIN || errno == EACCES);
	} else { /* who may not write it can only ask */
		busy = !fcntl(fd, F_OFD_GETLK, &fl) && fl.l_type != F_UNLCK;
	}
	if (busy) {
		file_holder(fd, who, sizeof(who));
		die("%s: an instance runs over it%s", name, who);
	}
	if (unlink(path))
		die("%s: %s", path, strerror(errno));
	if (unlink(image_config_path(path)) && errno != ENOENT)
		die("%s: %s", image_config_path(path), strerror(errno));
	close(fd);
}
