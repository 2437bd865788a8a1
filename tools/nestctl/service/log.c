/* SPDX-License-Identifier: MIT */
/* log.c: writes the output of a kept instance; see log.h. */
#include "tools/nestctl/service/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"

#define HEAD_MAX 64

static const char *const streams[] = { "stdout", "stderr", "nestctl" };

static void file_name(char *name, size_t size, unsigned int number)
{
	snprintf(name, size, "log.%u", number);
}

/* Returns the number of the newest file, or 0 if there is none. */
static unsigned int newest(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned int last = 0, n;

	for (struct dirent *e; d && (e = readdir(d));)
		if (sscanf(e->d_name, "log.%u", &n) == 1 && n > last)
			last = n;
	if (d)
		closedir(d);
	return last;
}

/* Opens or makes the file l->number. Sets l->fd and l->size. False with errno. */
static bool open_file(struct log *l)
{
	char name[32];
	struct stat st;

	file_name(name, sizeof(name), l->number);
	l->fd = openat(l->dir, name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	l->size = l->fd >= 0 && !fstat(l->fd, &st) ? (uint64_t)st.st_size : 0;
	return l->fd >= 0;
}

/* Removes the incomplete record at the end of the file, which a killed writer has left. */
static void cut_tail(struct log *l)
{
	char buf[4096];
	uint64_t end = l->size;

	while (end) {
		size_t n = end < sizeof(buf) ? end : sizeof(buf);
		ssize_t got = pread(l->fd, buf, n, (off_t)(end - n));
		const char *nl = got == (ssize_t)n ? memrchr(buf, '\n', n) : NULL;

		if (got != (ssize_t)n)
			return;
		if (nl) {
			end -= n - (size_t)(nl + 1 - buf);
			break;
		}
		end -= n;
	}
	if (end != l->size && !ftruncate(l->fd, (off_t)end))
		l->size = end;
}

void log_open(struct log *l, int dir, uint64_t max_size, unsigned int max_files)
{
	*l = (struct log){ .dir = dir, .max_size = max_size, .max_files = max_files };
	l->number = newest(dir);
	l->number += !l->number;
	if (!open_file(l))
		die("log.%u: %s", l->number, strerror(errno));
	cut_tail(l);
}

/* Begins the next file. If it cannot be created, the old file continues to grow. */
static void rotate(struct log *l)
{
	int old = l->fd;
	uint64_t size = l->size;
	char name[32];

	l->number++;
	if (!open_file(l)) {
		l->number--;
		l->fd = old;
		l->size = size;
		return;
	}
	close(old);
	if (l->number <= l->max_files)
		return;
	/* also remove files that remain from a larger max_files */
	for (unsigned int n = l->number - l->max_files; n; n--) {
		file_name(name, sizeof(name), n);
		if (unlinkat(l->dir, name, 0))
			break;
	}
}

/* Returns room for @n bytes after the buffer's content. */
static char *room_for(struct log *l, size_t n)
{
	if (l->have + n > l->room) {
		l->room = 2 * (l->have + n);
		l->buf = realloc(l->buf, l->room);
		if (!l->buf)
			die("out of memory");
	}
	return l->buf + l->have;
}

/* Appends a record to the buffer. @head: "TIME STREAM ". */
static void add(
	struct log *l, const char *head, size_t head_size, char kind, const char *text, size_t n)
{
	char *to = room_for(l, head_size + 2 + n + 1);

	memcpy(to, head, head_size);
	to[head_size] = kind;
	to[head_size + 1] = ' ';
	memcpy(to + head_size + 2, text, n);
	to[head_size + 2 + n] = '\n';
	l->have += head_size + 2 + n + 1;
}

/* Writes "TIME STREAM " to @head, which has HEAD_MAX bytes. Returns the length. */
static size_t make_head(char *head, enum log_stream stream)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(head, HEAD_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	return n + (size_t)snprintf(
			   head + n, HEAD_MAX - n, ".%09ldZ %s ", now.tv_nsec, streams[stream]);
}

/* Appends records for all lines of the text to the buffer. */
static void add_all(struct log *l, enum log_stream stream, const char *text, size_t n)
{
	char head[HEAD_MAX];
	size_t head_size = make_head(head, stream);

	while (n) {
		const char *nl = memchr(text, '\n', n);
		size_t line = nl ? (size_t)(nl - text) : n;

		add(l, head, head_size, nl ? 'F' : 'P', text, line);
		text += line + !!nl;
		n -= line + !!nl;
	}
}

/*
 * Writes the buffer to the file. True if all of it was written. Otherwise removes the part that was
 * written, and the caller counts the output in the buffer as lost.
 */
static bool flush(struct log *l)
{
	size_t done = 0;

	while (done < l->have) {
		ssize_t n = write(l->fd, l->buf + done, l->have - done);

		if (n > 0) {
			done += (size_t)n;
		} else if (errno != EINTR) {
			l->error = errno;
			if (done && ftruncate(l->fd, (off_t)l->size))
				l->size += done; /* the next record joins the cut one */
			l->have = 0;
			return false;
		}
	}
	l->size += l->have;
	l->have = 0;
	return true;
}

/*
 * Ends the incomplete lines, and adds a record with the number of lost bytes, before output
 * continues after a loss.
 */
static void add_loss(struct log *l)
{
	char note[128];
	int n = snprintf(note, sizeof(note), "%llu bytes of output were lost: %s\n",
		(unsigned long long)l->lost, strerror(l->error));

	for (int i = 0; i < LOG_STREAMS; i++)
		if (l->part[i])
			add_all(l, (enum log_stream)i, "\n", 1);
	add_all(l, LOG_OURS, note, (size_t)n);
}

/* Writes output to the present file, or counts its bytes as lost. */
static void write_some(struct log *l, enum log_stream stream, const char *text, size_t n)
{
	const char *nl = l->torn[stream] ? memchr(text, '\n', n) : NULL;
	size_t skip = !l->torn[stream] ? 0 : nl ? (size_t)(nl + 1 - text) : n;
	bool before = l->lost;

	/* drop the rest of a line whose beginning was lost */
	l->lost += skip;
	l->torn[stream] = l->torn[stream] && !nl;
	text += skip;
	n -= skip;
	if (!n)
		return;
	if (before || skip)
		add_loss(l);
	add_all(l, stream, text, n);
	if (!flush(l)) {
		l->lost += n;
		l->torn[stream] = text[n - 1] != '\n';
		return;
	}
	if (before || skip)
		memset(l->part, 0, sizeof(l->part));
	l->lost = 0;
	l->part[stream] = text[n - 1] != '\n';
}

void log_write(struct log *l, enum log_stream stream, const char *text, size_t n)
{
	const char *nl = l->part[stream] && l->size >= l->max_size ? memchr(text, '\n', n) : NULL;
	size_t rest = nl ? (size_t)(nl + 1 - text) : 0;

	if (!n)
		return;
	/* a new file begins with a new line, unless the present line gets too long */
	if (rest)
		write_some(l, stream, text, rest);
	if (l->size >= l->max_size && (!l->part[stream] || l->size >= 2 * l->max_size))
		rotate(l);
	if (n > rest)
		write_some(l, stream, text + rest, n - rest);
}
