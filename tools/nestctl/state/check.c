/* SPDX-License-Identifier: MIT */
/* check.c: compares a state's files with its state.json. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/state/state.h"

int state_image_read(const char *path, struct state_image *im)
{
	struct stat st;

	if (stat(path, &st))
		return errno;
	*im = (struct state_image){ .path = path,
		.size = (uint64_t)st.st_size,
		/* state.json has no numbers above INT64_MAX */
		.inode = st.st_ino & INT64_MAX,
		.mtime = (uint64_t)st.st_mtim.tv_sec & INT64_MAX,
		.mtime_ns = (uint64_t)st.st_mtim.tv_nsec };
	return 0;
}

/* Opens a regular file of a state. Returns -1 with errno. */
static int open_file(int dirfd, const char *name, struct stat *st)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return -1;
	if (!fstat(fd, st) && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/*
 * Opens a file of a state and fills @f except for the checksum. Returns -1 if the file is missing.
 */
static int look(int dirfd, const char *name, const char *where, struct state_file *f)
{
	struct stat st;
	int fd = open_file(dirfd, name, &st);

	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd < 0)
		die("%s: %s: %s", where, name, strerror(errno));
	*f = (struct state_file){
		.name = name, .size = (uint64_t)st.st_size, .disk = (uint64_t)st.st_blocks * 512
	};
	return fd;
}

bool state_file_look(int dirfd, const char *name, const char *where, struct state_file *f)
{
	int fd = look(dirfd, name, where, f);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool state_file_read(int dirfd, const char *name, const char *where, struct state_file *f)
{
	int fd = look(dirfd, name, where, f);

	if (fd < 0)
		return false;
	if (!file_sum(fd, f->size, NULL, &f->sum))
		die("%s: %s: %s", where, name, strerror(errno));
	close(fd);
	return true;
}

/* Returns a message about the fault of a state's file, or NULL. */
static const char *file_fault(const struct state *s, const struct state_file *f)
{
	struct stat st;
	int fd = open_file(s->fd, f->name, &st);
	const char *fault = NULL;
	uint32_t sum;

	if (fd < 0)
		return errno == ENOENT ? format("%s is missing", f->name) :
					 format("%s: %s", f->name, strerror(errno));
	if ((uint64_t)st.st_size < f->size)
		fault = format("%s is cut off: %llu bytes instead of %llu", f->name,
			(unsigned long long)st.st_size, (unsigned long long)f->size);
	else if ((uint64_t)st.st_size > f->size)
		fault = format("%s has grown: %llu bytes instead of %llu", f->name,
			(unsigned long long)st.st_size, (unsigned long long)f->size);
	else if (!file_sum(fd, f->size, f->name, &sum))
		fault = format("%s: %s", f->name, strerror(errno));
	else if (sum != f->sum)
		fault = format("%s was changed: its checksum differs", f->name);
	close(fd);
	return fault;
}

/* Returns a message about the fault of an image, or NULL. */
static const char *image_fault(const struct state_image *im)
{
	struct state_image now = { 0 };
	int err = state_image_read(im->path, &now);

	if (err == ENOENT)
		return format("the image %s is missing", im->path);
	if (err)
		return format("the image %s: %s", im->path, strerror(err));
	if (now.size != im->size)
		return format("the image %s has changed: its size is another", im->path);
	if (now.mtime != im->mtime || now.mtime_ns != im->mtime_ns)
		return format("the image %s has changed since", im->path);
	if (now.inode != im->inode)
		return format("the image %s is another file now", im->path);
	return NULL;
}

void state_must_be_whole(struct state *s)
{
	bool read = !state_is_untouched(s);
	const char *fault = NULL;
	const struct state_file *f;

	for (size_t i = 0; read && !fault && (f = state_nth_file(s, i)); i++)
		fault = file_fault(s, f);
	for (size_t i = 0; !fault && i < s->nr_images; i++)
		fault = image_fault(&s->images[i]);
	if (fault)
		die("%s: %s", s->name, fault);
	s->trusted |= !read;
}

/* Prints a fault, if there is one. Returns the number of faults. */
static int report(const struct state *s, const char *fault)
{
	if (fault)
		warn("%s: %s", s->name, fault);
	return fault != NULL;
}

bool state_check_all(const struct state *s)
{
	const struct state_file *f;
	int faults = 0;

	for (size_t i = 0; (f = state_nth_file(s, i)); i++)
		faults += report(s, file_fault(s, f));
	for (size_t i = 0; i < s->nr_images; i++)
		faults += report(s, image_fault(&s->images[i]));
	return !faults;
}
