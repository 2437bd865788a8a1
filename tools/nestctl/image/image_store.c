/* SPDX-License-Identifier: MIT */
/*
 * image_store.c: the folder of named images, and the locks for changing them.
 *
 * A process that makes or removes an image locks a byte of the store's file .lock, at an offset
 * that is a hash of the name. So there are no lock files to remove, and the host's kernel drops the
 * lock of a process that dies. Two names with one offset (of 2^62) only exclude each other.
 * Instances lock the image itself (drivers/ubd/chain_host.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/ubd/chain_host.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"

/* Returns the byte of the lock file that stands for a name. */
static off_t byte_of(const char *name)
{
	uint64_t hash = 14695981039346656037u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 1099511628211u;
	return (off_t)(hash >> 2);
}

/* Returns a descriptor of the lock file, whose locks end when it is closed. */
static int open_lock(void)
{
	const char *file = format("%s/.lock", image_dir());
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		die("%s: %s", file, strerror(errno));
	return fd;
}

/* Locks a name. True on success, false if another process has the lock. */
static bool lock_name(int fd, const char *name)
{
	struct flock fl = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte_of(name), .l_len = 1
	};

	if (fcntl(fd, F_OFD_SETLK, &fl) == 0)
		return true;
	if (errno != EAGAIN && errno != EACCES)
		die("%s/.lock: cannot lock it: %s", image_dir(), strerror(errno));
	return false;
}

/*
 * True if the file may be left by a killed nestctl: an unfinished output, or the settings of an
 * image that was never finished. @suffix: the file's name after the image's name.
 */
static bool is_left(const char *name, const char *suffix)
{
	return strstr(suffix, OUTPUT_MARK) ||
	       (!strcmp(suffix, ".ext4.config") && access(image_path(name), F_OK));
}

/* Removes the file @file of the store if a killed process has left it. */
static void sweep(int lock, const char *file)
{
	const char *suffix = strstr(file, ".ext4.");
	char *name;

	if (!suffix)
		return;
	name = format("%.*s", (int)(suffix - file), file);
	/* check again under the lock */
	if (is_left(name, suffix) && lock_name(lock, name) && is_left(name, suffix))
		unlink(format("%s/%s", image_dir(), file));
	free(name);
}

/* Removes files of killed processes. Closing its own lock descriptor releases the locks. */
static void sweep_store(void)
{
	int lock = open_lock();
	DIR *d = opendir(image_dir());

	for (struct dirent *e; d && (e = readdir(d));)
		sweep(lock, e->d_name);
	if (d)
		closedir(d);
	close(lock);
}

static void make_store(void)
{
	const char *dir = image_dir();

	make_dirs(format("%.*s", (int)(strrchr(dir, '/') - dir), dir));
	if (mkdir(dir, 0700) && errno != EEXIST)
		die("%s: cannot make the folder: %s", dir, strerror(errno));
}

void image_lock(const char *name)
{
	if (strchr(name, '/'))
		return;
	make_store();
	sweep_store();
	/* the descriptor is never closed: the lock is held until the process ends */
	if (!lock_name(open_lock(), image_stem(name)))
		die("%s: another nestctl makes or removes it", name);
}

void image_check_name(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *folder = slash == name ? "/" : format("%.*s", (int)(slash - name), name);
	struct stat st;

	if (!slash && (*name == '.' || strlen(name) > 200))
		die("'%.200s' is not a name for an image", name);
	if (slash && (stat(folder, &st) || !S_ISDIR(st.st_mode)))
		die("%s: a name with a slash is a path here, and there is no folder %s; %s is a "
		    "name of the store",
			name, folder, slash[1] ? slash + 1 : "app");
}

const char *image_reserve(const char *name)
{
	const char *path = image_path(name);

	image_check_name(name);
	image_lock(name);
	if (!access(path, F_OK))
		die("%s: there is one already; `nestctl image rm` removes it", name);
	image_config_must_be_ours(path);
	return path;
}

void image_link(const char *from, const char *to)
{
	const struct image_config config = image_config_read(from);

	/* the link is to the image itself, not to a symbolic link in the store */
	from = realpath(from, NULL) ?: from;
	image_config_write(to, config.text, config.size);
	if (link(from, to)) {
		int err = errno;

		image_config_write(to, NULL, 0);
		die("%s: no second name of %s: %s", to, from, strerror(err));
	}
}

/* Opens an image and locks it against instances. Dies if an instance runs over it. */
static int open_idle(const char *path, const char *name)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char who[100];
	struct stat st;
	int fd, busy;

	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == EACCES || errno == EROFS))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st))
		die("%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die("%s: not an image", path);
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR) {
		busy = fcntl(fd, F_OFD_SETLK, &fl) && (errno == EAGAIN || errno == EACCES);
	} else {
		/* only tests the lock, since locking needs write permission */
		busy = !fcntl(fd, F_OFD_GETLK, &fl) && fl.l_type != F_UNLCK;
	}
	if (busy) {
		file_holder(fd, who, sizeof(who));
		die("%s: an instance runs over it%s", name, who);
	}
	return fd;
}

void image_must_be_idle(const char *path, const char *name)
{
	close(open_idle(path, name));
}

void image_remove(const char *name)
{
	const char *path = image_path(name);
	int fd;

	image_lock(name);
	fd = open_idle(path, name);
	if (unlink(path))
		die("%s: %s", path, strerror(errno));
	if (image_config_is_ours(path) && unlink(image_config_path(path)) && errno != ENOENT)
		die("%s: %s", image_config_path(path), strerror(errno));
	close(fd);
}
