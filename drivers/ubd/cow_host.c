/* SPDX-License-Identifier: MIT */
/*
 * cow_host.c: headers of UML's copy-on-write files. See cow_host.h for the layout.
 *
 * The header comes from an untrusted file: all sizes are computed from the checked numbers and must
 * agree with the file. Only cow_format 0 (bitmap) is supported, the only one that UML has ever
 * written. Version 1 is in the byte order of the host that wrote it, which is assumed to be this
 * host's; the others are big-endian. Nothing is padded. Source: the files that uml_mkcow makes and
 * those that uml_moo reads; UML's documentation of the format in its HOWTO.
 */
#include "drivers/ubd/cow_host.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers/ubd/layer_host.h"
#include "drivers/ubd/media_host.h"
#include "os-linux/calls.h"

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

/* Versions 1 and 2. Behind the name: mtime (32 bits), size (64), sector size (32). */
#define V1_PATH 256
#define V2_PATH 4096
#define OLD_TAIL 16

/* Computes the offsets of the bitmap and the data. @header: size of the header in bytes. */
static void layout(struct cow_info *info, uint64_t header)
{
	uint64_t units = (info->size + info->unit - 1) / info->unit;

	info->bitmap_off = align_up(header, info->alignment);
	info->bitmap_len = (units + 7) / 8;
	info->data_off = align_up(info->bitmap_off + info->bitmap_len,
		info->version < 3 ? info->unit : info->alignment);
}

int cow_kind(int fd)
{
	uint32_t w[2];

	if (layer_pread(fd, w, sizeof(w), 0))
		return COW_NONE;
	if (w[0] == COW_MAGIC && w[1] == 1)
		return COW_UML;
	if (be32toh(w[0]) != COW_MAGIC)
		return COW_NONE;
	return be32toh(w[1]) == 4 ? COW_NESTLING : COW_UML;
}

static uint32_t get32(const uint8_t *p, bool native)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return native ? v : be32toh(v);
}

static uint64_t get64(const uint8_t *p, bool native)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return native ? v : be64toh(v);
}

/*
 * Parses a header of version 1 or 2. Returns its size in bytes, or 0 if its name is not terminated.
 */
static uint64_t parse_old(const uint8_t *p, struct cow_info *info, uint32_t *format)
{
	bool native = info->version == 1;
	size_t path = native ? V1_PATH : V2_PATH;

	if (!memchr(p + 8, 0, path))
		return 0;
	memcpy(info->backing, p + 8, path);
	info->mtime = get32(p + 8 + path, native);
	info->size = get64(p + 12 + path, native);
	info->unit = get32(p + 20 + path, native);
	info->alignment = 1;
	*format = 0;
	return 8 + path + OLD_TAIL;
}

/*
 * Parses version 3. If the mtime has 64 bits, all later fields are 4 bytes further on, and there is
 * no name at the usual place. Returns the size of the header in bytes, or 0 if it is invalid.
 */
static uint64_t parse_3(const uint8_t *p, struct cow_info *info, uint32_t *format)
{
	size_t name = offsetof(struct cow_header, backing);

	info->wide_mtime = !p[name] && p[name + 4] == '/';
	info->mtime = get32(p + 8 + 4 * info->wide_mtime, false);
	p += 4 * info->wide_mtime;
	info->size = get64(p + 12, false);
	info->unit = get32(p + 20, false);
	info->alignment = get32(p + 24, false);
	*format = get32(p + 28, false);
	if (!memchr(p + name, 0, COW_PATH_MAX))
		return 0;
	memcpy(info->backing, p + name, COW_PATH_MAX);
	return sizeof(struct cow_header) + 8 * info->wide_mtime;
}

static bool power_of_two(uint32_t v)
{
	return v && !(v & (v - 1));
}

static const char *info_fault(const struct cow_info *info, uint64_t header, uint32_t format)
{
	if (!header || !info->size || info->size > (uint64_t)INT64_MAX / 2)
		return "COW header is damaged";
	if (format)
		return "COW file of an unknown format (only bitmaps are served)";
	if (!power_of_two(info->unit) || info->unit < COW_SECTOR || info->unit > 1 << 20)
		return "COW file with sectors of a size that cannot be";
	if (!power_of_two(info->alignment) || info->alignment > 1 << 20)
		return "COW file with an alignment that cannot be";
	if (info->version < 3 && info->size % (8UL * info->unit))
		return "COW file of version 1 or 2 whose bitmap is too short for its disk";
	return NULL;
}

int cow_read_header(int fd, struct cow_info *info, char *err, size_t errsize)
{
	uint8_t p[sizeof(struct cow_header) + 8];
	const char *fault;
	uint32_t format;
	struct stat st;
	uint64_t header;
	int r = host_fstat(fd, &st) < 0 ? -errno : layer_pread(fd, p, sizeof(p), 0);

	if (r) {
		snprintf(err, errsize, "%s", strerror(-r));
		return -EINVAL;
	}
	memset(info, 0, sizeof(*info));
	info->version = get32(p, true) == COW_MAGIC ? 1 : get32(p + 4, false);
	if ((get32(p, true) != COW_MAGIC && get32(p, false) != COW_MAGIC) || info->version < 1 ||
		info->version > 3) {
		snprintf(err, errsize, "COW version %u: only 1 to 4 are served", info->version);
		return -EINVAL;
	}
	header = info->version < 3 ? parse_old(p, info, &format) : parse_3(p, info, &format);
	fault = info_fault(info, header, format);
	if (fault) {
		snprintf(err, errsize, "%s", fault);
		return -EINVAL;
	}
	layout(info, header);
	if ((uint64_t)st.st_size < info->bitmap_off + info->bitmap_len) {
		snprintf(err, errsize, "COW file cut short (%lld bytes)", (long long)st.st_size);
		return -EINVAL;
	}
	return 0;
}

/* Reads the attributes of a backing file, which may be a disk of the host. */
static int backing_stat(int fd, struct stat *st, uint64_t *size)
{
	if (host_fstat(fd, st) < 0)
		return -errno;
	*size = (uint64_t)st->st_size;
	return S_ISBLK(st->st_mode) && ioctl(fd, BLKGETSIZE64, size) < 0 ? -errno : 0;
}
/* Writes seconds since 1970 to @text as a date in UTC. */
static const char *time_text(uint32_t seconds, char text[32])
{
	time_t t = seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &tm))
		strcpy(text, "?");
	return text;
}

int cow_check_backing(const struct cow_info *info, int backing_fd, char *err, size_t errsize)
{
	struct stat st;
	uint64_t size;
	int r = backing_stat(backing_fd, &st, &size);

	if (r) {
		snprintf(err, errsize, "%s", strerror(-r));
		return -EINVAL;
	}
	if (size != info->size) {
		snprintf(err, errsize,
			"made for a backing file of %llu bytes, this one has %llu: it is another "
			"file",
			(unsigned long long)info->size, (unsigned long long)size);
		return -EINVAL;
	}
	if ((uint32_t)st.st_mtime != info->mtime) {
		char then[32], now[32];

		snprintf(err, errsize,
			"made for %s as it was at %s; the backing file has changed since or "
			"is another (%s), over which the layer would show other data",
			info->backing, time_text(info->mtime, then),
			time_text((uint32_t)st.st_mtime, now));
		return -EINVAL;
	}
	return 0;
}

/*
 * Opens a nameless file in the folder of @path if the host can, else @path itself. Returns a
 * descriptor, or -1 with errno.
 */
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
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	*nameless = fd >= 0;
	if (fd < 0)
		fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	return fd;
}

static int give_name(int fd, const char *path)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int fill_header(
	struct cow_header *h, const char *backing, const struct stat *st, uint64_t size)
{
	memset(h, 0, sizeof(*h));
	if (strlen(backing) >= sizeof(h->backing))
		return -ENAMETOOLONG;
	h->magic = htobe32(COW_MAGIC);
	h->version = htobe32(COW_VERSION);
	h->mtime = htobe32((uint32_t)st->st_mtime);
	h->size = htobe64(size);
	h->sector_size = htobe32(COW_SECTOR);
	h->alignment = htobe32(COW_ALIGNMENT);
	strcpy(h->backing, backing);
	return 0;
}

/* Writes an empty file whose header names @backing, which has the attributes @st. */
static int write_new(int fd, const char *backing, const struct stat *st, uint64_t size)
{
	struct cow_info info = {
		.version = COW_VERSION, .size = size, .unit = COW_SECTOR, .alignment = COW_ALIGNMENT
	};
	struct cow_header h;
	int r = fill_header(&h, backing, st, size);

	if (r)
		return r;
	layout(&info, sizeof(h));
	if (ftruncate(fd, (off_t)(info.data_off + align_up(size, COW_SECTOR))) < 0)
		return -errno;
	return layer_pwrite(fd, &h, sizeof(h), 0);
}

int cow_init(int fd, const char *backing, int backing_fd, uint64_t size)
{
	struct stat st;
	char real[PATH_MAX];

	if (host_fstat(backing_fd, &st) < 0 || !realpath(backing, real))
		return -errno;
	return write_new(fd, real, &st, size);
}

/*
 * The header names no existing file, so that no program takes this file for all of the disk's
 * changes.
 */
int cow_init_part(int fd, uint64_t size)
{
	static const struct stat none;

	return write_new(fd, "(below this part of a disk's changes)", &none, size);
}

int cow_create(const char *path, const char *backing, int backing_fd, char *err, size_t errsize)
{
	struct stat st;
	uint64_t size;
	bool nameless = false;
	int fd = -1, r = backing_stat(backing_fd, &st, &size);

	if (r)
		goto err_say;
	if (!size) {
		snprintf(err, errsize, "its backing file %s is empty", backing);
		return -EINVAL;
	}
	fd = open_new(path, &nameless);
	if (fd < 0) {
		r = -errno;
		goto err_say;
	}
	r = cow_init(fd, backing, backing_fd, size);
	if (!r && nameless) {
		r = give_name(fd, path);
		/* ENOENT here means that /proc is missing, not a file that the caller named */
		if (r == -ENOENT)
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

/*
 * Writes the name and the time with one write. A header of version 3 is written from its beginning.
 */
int cow_set_backing(int fd, struct cow_info *info, const char *backing, int backing_fd)
{
	struct cow_header h;
	struct stat st;
	char real[PATH_MAX];
	int r;

	if (info->version != COW_VERSION || info->wide_mtime)
		return -EOPNOTSUPP;
	if (host_fstat(backing_fd, &st) < 0 || !realpath(backing, real))
		return -errno;
	r = fill_header(&h, real, &st, info->size);
	if (r)
		return r;
	h.sector_size = htobe32(info->unit);
	h.alignment = htobe32(info->alignment);
	r = layer_pwrite(fd, &h, sizeof(h), 0);
	if (!r && media_fdatasync(fd) < 0)
		r = -errno;
	if (!r) {
		memcpy(info->backing, h.backing, sizeof(info->backing));
		info->mtime = (uint32_t)st.st_mtime;
	}
	return r;
}
