/* SPDX-License-Identifier: MIT */
/*
 * cow_host.c: headers of UML's copy-on-write files. See cow_host.h for the layout.
 *
 * The header comes from a file that anybody may have written: all sizes are computed here from the checked numbers and must agree with
 * the file. Only cow_format 0 (bitmap) with 512-byte sectors is served, which is all that UML has ever written in version 3.
 * Source: the files that uml_mkcow makes; UML's documentation of the format in its HOWTO.
 */
#include "drivers/ubd/cow_host.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COW_MAGIC 0x4f4f4f4d /* "OOOM" */
#define COW_VERSION 3
#define COW_ALIGNMENT 4096

struct cow_header {
	uint32_t magic, version, mtime;
	uint64_t size;
	uint32_t sector_size, alignment, format;
	char backing[COW_PATH_MAX];
} __attribute__((packed));
_Static_assert(sizeof(struct cow_header) == 32 + COW_PATH_MAX, "on-disk layout");
_Static_assert(offsetof(struct cow_header, backing) == 32, "on-disk layout");

static uint64_t align_up(uint64_t v, uint64_t a)
{
	return (v + a - 1) & ~(a - 1);
}

static uint64_t sectors_of(uint64_t bytes)
{
	return bytes / COW_SECTOR + (bytes % COW_SECTOR != 0);
}

static void layout(struct cow_info *info, uint64_t alignment)
{
	info->bitmap_off = align_up(sizeof(struct cow_header), alignment);
	info->bitmap_len = (sectors_of(info->size) + 7) / 8;
	info->data_off = align_up(info->bitmap_off + info->bitmap_len, alignment);
}

bool cow_is_cow(int fd)
{
	uint32_t magic;

	return pread(fd, &magic, sizeof(magic), 0) == sizeof(magic) && be32toh(magic) == COW_MAGIC;
}

int cow_read_header(int fd, struct cow_info *info, char *err, size_t errsize)
{
	struct cow_header h;
	struct stat st;
	uint64_t alignment;

	if (fstat(fd, &st) < 0) {
		snprintf(err, errsize, "%s", strerror(errno));
		return -EINVAL;
	}
	if (!cow_is_cow(fd)) {
		snprintf(err, errsize, st.st_size ? "not a COW file" : "empty, not a COW file");
		return -EINVAL;
	}
	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h)) {
		snprintf(err, errsize, "COW file cut short (%lld bytes)", (long long)st.st_size);
		return -EINVAL;
	}
	if (be32toh(h.version) != COW_VERSION || be32toh(h.format) != 0 ||
		be32toh(h.sector_size) != COW_SECTOR) {
		snprintf(err, errsize,
			"COW version %u, format %u, sector size %u: only 3, 0 and 512 are served",
			be32toh(h.version), be32toh(h.format), be32toh(h.sector_size));
		return -EINVAL;
	}
	alignment = be32toh(h.alignment);
	info->size = be64toh(h.size);
	info->mtime = be32toh(h.mtime);
	if (alignment < COW_SECTOR || alignment > 1 << 20 || alignment & (alignment - 1) ||
		info->size > (uint64_t)INT64_MAX / 2 || !info->size ||
		!memchr(h.backing, 0, sizeof(h.backing))) {
		snprintf(err, errsize, "COW header is damaged");
		return -EINVAL;
	}
	memcpy(info->backing, h.backing, sizeof(info->backing));
	layout(info, alignment);
	if ((uint64_t)st.st_size < info->bitmap_off + info->bitmap_len) {
		snprintf(err, errsize, "COW file cut short (%lld bytes)", (long long)st.st_size);
		return -EINVAL;
	}
	return 0;
}

int cow_check_backing(const struct cow_info *info, int backing_fd, char *err, size_t errsize)
{
	struct stat st;

	if (fstat(backing_fd, &st) < 0) {
		snprintf(err, errsize, "%s", strerror(errno));
		return -EINVAL;
	}
	if ((uint64_t)st.st_size != info->size) {
		snprintf(err, errsize, "made for a backing file of %llu bytes, this one has %llu",
			(unsigned long long)info->size, (unsigned long long)st.st_size);
		return -EINVAL;
	}
	if ((uint32_t)st.st_mtime != info->mtime) {
		snprintf(err, errsize,
			"made for %s as it was at time %u; the backing file has changed since or "
			"is another (%u)",
			info->backing, info->mtime, (uint32_t)st.st_mtime);
		return -EINVAL;
	}
	return 0;
}

static int write_all(int fd, const void *buf, size_t n, off_t off)
{
	ssize_t r = pwrite(fd, buf, n, off);

	if (r == (ssize_t)n)
		return 0;
	return r < 0 ? -errno : -ENOSPC;
}

/* A nameless file in the folder of @path where the host can do that; else @path itself. */
static int open_new(const char *path, bool *nameless)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path) ? (int)(slash - path) : 1,
			path);
	else
		strcpy(dir, ".");
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	*nameless = fd >= 0;
	if (fd < 0)
		fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
	return fd;
}

static int give_name(int fd, const char *path)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int fill_header(struct cow_header *h, const char *backing, const struct stat *st)
{
	memset(h, 0, sizeof(*h));
	if (strlen(backing) >= sizeof(h->backing))
		return -ENAMETOOLONG;
	h->magic = htobe32(COW_MAGIC);
	h->version = htobe32(COW_VERSION);
	h->mtime = htobe32((uint32_t)st->st_mtime);
	h->size = htobe64((uint64_t)st->st_size);
	h->sector_size = htobe32(COW_SECTOR);
	h->alignment = htobe32(COW_ALIGNMENT);
	strcpy(h->backing, backing);
	return 0;
}

int cow_create(const char *path, const char *backing, int backing_fd, char *err, size_t errsize)
{
	struct cow_header h;
	struct cow_info info;
	struct stat st;
	char real[PATH_MAX];
	bool nameless = false;
	int fd = -1, r;

	if (fstat(backing_fd, &st) < 0 || !realpath(backing, real)) {
		r = -errno;
		goto err_say;
	}
	r = fill_header(&h, real, &st);
	if (r)
		goto err_say;
	info.size = (uint64_t)st.st_size;
	layout(&info, COW_ALIGNMENT);
	fd = open_new(path, &nameless);
	if (fd < 0) {
		r = -errno;
		goto err_say;
	}
	if (ftruncate(fd, (off_t)(info.data_off + sectors_of(info.size) * COW_SECTOR)) < 0) {
		r = -errno;
		goto err_remove;
	}
	r = write_all(fd, &h, sizeof(h), 0);
	if (!r && nameless) {
		r = give_name(fd, path);
		if (r == -ENOENT) /* no /proc: start again under the real name */
			r = -EIO;
	}
	if (r)
		goto err_remove;
	return fd;

err_remove:
	if (!nameless)
		unlink(path);
	close(fd);
err_say:
	snprintf(err, errsize, "%s", strerror(-r));
	return r;
}

int cow_rename_backing(int fd, const char *backing, char *err, size_t errsize)
{
	char name[COW_PATH_MAX] = { 0 };
	int r;

	if (strlen(backing) >= sizeof(name)) {
		snprintf(err, errsize, "%s", strerror(ENAMETOOLONG));
		return -ENAMETOOLONG;
	}
	strcpy(name, backing);
	r = write_all(fd, name, sizeof(name), offsetof(struct cow_header, backing));
	if (r)
		snprintf(err, errsize, "%s", strerror(-r));
	return r;
}
