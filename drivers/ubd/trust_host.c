/* SPDX-License-Identifier: MIT */
/*
 * trust_host.c: decides which backing files are trusted. A layer from another source can name any
 * file; the guest would read that file as a disk, and `nestctl cow commit` would write to it. So a
 * name in a header counts only in one of these cases:
 *
 * 1. the file lies in the folder of the layer itself, and its name does not begin with a dot;
 * 2. it lies in the store of images ($XDG_DATA_HOME/nestling/images);
 * 3. the user's own command has made this layer over that file, or has named the file for it.
 *
 * Symbolic links are resolved first. In the first two cases the layer must belong to the caller, to
 * root or to the owner of the backing file, so that another user's layer in a shared folder reads
 * nothing. A backing file on the command line needs no trust: it is only recorded for the third
 * case.
 *
 * The record of the third case is $XDG_DATA_HOME/nestling/backing-files, a line for each layer:
 *
 *	INODE BIRTH-SECONDS BIRTH-NANOSECONDS BACKING-FILE
 *
 * The host gives these numbers to a file when it is made, and no archive can choose them. So a
 * layer that was moved is still known, and a copy is not. A line of a deleted layer does no harm: a
 * new file with these numbers may name only the file of that line.
 */
#include "drivers/ubd/trust_host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os-linux/calls.h"

#define RECORD "backing-files"
/* if the record is larger, its older half is dropped */
#define RECORD_MAX (512 << 10)
#define LINE_BYTES (PATH_MAX + 100)

/*
 * Writes the path of @what in the user's data folder. Returns false if the environment names none.
 */
static bool data_path(char *out, size_t size, const char *what)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int n = -1;

	if (data && *data == '/')
		n = snprintf(out, size, "%s/nestling/%s", data, what);
	else if (home && *home == '/')
		n = snprintf(out, size, "%s/.local/share/nestling/%s", home, what);
	return n > 0 && (size_t)n < size;
}

/* True if @file lies in the folder @dir itself, not further below. Both are real paths. */
static bool lies_in(const char *file, const char *dir)
{
	size_t n = strlen(dir);

	if (n == 1) /* the root */
		n = 0;
	return !strncmp(file, dir, n) && file[n] == '/' && !strchr(file + n + 1, '/');
}

static bool in_own_folder(const char *path, const char *real)
{
	char *layer = realpath(path, NULL), *slash = layer ? strrchr(layer, '/') : NULL;
	const char *name = strrchr(real, '/') + 1;
	bool lies = false;

	if (slash && *name != '.') {
		slash[slash == layer] = '\0';
		lies = lies_in(real, layer);
	}
	free(layer);
	return lies;
}

static bool in_store(const char *real)
{
	char images[PATH_MAX], *dir;
	bool lies;

	if (!data_path(images, sizeof(images), "images"))
		return false;
	dir = realpath(images, NULL);
	lies = dir && lies_in(real, dir);
	free(dir);
	return lies;
}

/* ---- the record ---- */

/* Writes the line of a layer. Returns false if the host does not provide its numbers. */
static bool record_line(int fd, const char *real, char *line, size_t size)
{
	struct statx st;
	int n;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME | STATX_NLINK, &st) ||
		!st.stx_nlink || strchr(real, '\n'))
		return false;
	if (!(st.stx_mask & STATX_BTIME))
		st.stx_btime = (struct statx_timestamp){ 0 };
	n = snprintf(line, size, "%llu %lld %u %s\n", (unsigned long long)st.stx_ino,
		(long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec, real);
	return n > 0 && (size_t)n < size;
}

/* Opens the record, if it is this user's file. Returns -1 otherwise. */
static int record_open(int flags)
{
	char path[PATH_MAX];
	struct stat st;
	int fd = -1;

	if (data_path(path, sizeof(path), RECORD))
		fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd >= 0 && (host_fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid())) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Reads the record. Returns NULL if there is none; the caller frees it. */
static char *record_read(int fd, size_t *size)
{
	struct stat st;
	size_t have = 0;
	char *text;

	if (host_fstat(fd, &st) || st.st_size > 2 * RECORD_MAX)
		return NULL;
	text = malloc((size_t)st.st_size + 1);
	while (text && have < (size_t)st.st_size) {
		ssize_t n = host_pread(fd, text + have, (size_t)st.st_size - have, (off_t)have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	if (text)
		text[have] = '\0';
	*size = have;
	return text;
}

/* True if @text has @line, which ends in a line feed, as a whole line. */
static bool has_line(const char *text, const char *line)
{
	for (const char *at = text; (at = strstr(at, line)); at++)
		if (at == text || at[-1] == '\n')
			return true;
	return false;
}

static bool remembered(int fd, const char *real)
{
	char *line = malloc(LINE_BYTES), *text = NULL;
	int record = record_open(O_RDONLY);
	bool known = false;
	size_t size;

	if (line && record >= 0 && record_line(fd, real, line, LINE_BYTES)) {
		text = record_read(record, &size);
		known = text && has_line(text, line);
	}
	if (record >= 0)
		close(record);
	free(text);
	free(line);
	return known;
}

/*
 * Appends @line. A record that has grown too large is cut down to its newer half first. A crash in
 * between loses lines; the user then has to name the files of those layers again.
 */
static void append(int record, const char *text, size_t size, const char *line)
{
	const char *half = size > RECORD_MAX ? strchr(text + size / 2, '\n') : NULL;
	size_t n = strlen(line), at = size;

	if (half) {
		at = size - (size_t)(half + 1 - text);
		if (ftruncate(record, 0) || host_pwrite(record, half + 1, at, 0) != (ssize_t)at)
			return;
	}
	/* remove a line cut off by a full disk, since another one would follow it */
	if (host_pwrite(record, line, n, (off_t)at) != (ssize_t)n && ftruncate(record, (off_t)at))
		return;
}

static void make_folders(void)
{
	char path[PATH_MAX];

	if (!data_path(path, sizeof(path), RECORD))
		return;
	for (char *p = path + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(path, 0700);
	}
}

static void remember(int fd, const char *real, char *line)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int record;
	char *text;
	size_t size;

	if (!record_line(fd, real, line, LINE_BYTES))
		return;
	make_folders();
	record = record_open(O_RDWR | O_CREAT);
	if (record < 0)
		return;
	if (!fcntl(record, F_OFD_SETLKW, &fl)) {
		text = record_read(record, &size);
		if (text && !has_line(text, line))
			append(record, text, size, line);
		free(text);
	}
	close(record);
}

void backing_remember(int fd, const char *backing)
{
	char *real = realpath(backing, NULL), *line = malloc(LINE_BYTES);

	if (real && line && !in_store(real))
		remember(fd, real, line);
	free(line);
	free(real);
}

/* ---- the decision ---- */

static bool of_right_owner(const struct stat *layer, const struct stat *backing)
{
	return layer->st_uid == geteuid() || !layer->st_uid || layer->st_uid == backing->st_uid;
}

bool backing_counts(int fd, const char *path, const char *backing, char *why, size_t size)
{
	char *real = realpath(backing, NULL);
	struct stat layer, below;
	bool counts = false;

	if (!real || host_fstat(fd, &layer) || stat(real, &below)) {
		snprintf(why, size, "its backing file %.300s: %s", backing, strerror(errno));
		free(real);
		return false;
	}
	if (of_right_owner(&layer, &below))
		counts = in_own_folder(path, real) || in_store(real);
	counts = counts || remembered(fd, real);
	if (!counts)
		snprintf(why, size,
			"it names %.300s as its backing file, which is neither beside it nor in "
			"the store of images; a backing file elsewhere counts when it is given "
			"with the layer (nestctl(1), cow)",
			backing);
	free(real);
	return counts;
}
