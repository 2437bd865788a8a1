/* SPDX-License-Identifier: MIT */
/* log_read.c: reads the output of a kept instance, also while it is written; see log.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/service/log.h"

#define READ_SIZE (256 << 10)
#define WHEN_SIZE 30
#define SECOND_SIZE 19

/* Returns the lowest number of a file that is @from or higher, or 0. */
static unsigned int next_number(int dir, unsigned int from)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned int best = 0, n;

	for (struct dirent *e; d && (e = readdir(d));)
		if (sscanf(e->d_name, "log.%u", &n) == 1 && n >= from && (!best || n < best))
			best = n;
	if (d)
		closedir(d);
	return best;
}

/* Returns the highest number of a file, or 0. */
static unsigned int last_number(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned int best = 0, n;

	for (struct dirent *e; d && (e = readdir(d));)
		if (sscanf(e->d_name, "log.%u", &n) == 1 && n > best)
			best = n;
	if (d)
		closedir(d);
	return best;
}

/* Opens the file log.@number. Returns -1 with errno. */
static int open_number(int dir, unsigned int number)
{
	char name[32];

	snprintf(name, sizeof(name), "log.%u", number);
	return openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* Opens the file that follows the present one. Returns false if there is none yet. */
static bool open_next(struct log_reader *r)
{
	unsigned int number = r->number + 1;
	int fd = open_number(r->dir, number);

	/* files may be removed before they are read: take the next file that still exists */
	while (fd < 0 && (number = next_number(r->dir, r->number + 1))) {
		fd = open_number(r->dir, number);
		r->lost = r->lost || r->number;
	}
	if (fd < 0)
		return false;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = fd;
	r->number = number;
	r->have = r->at = 0;
	r->offset = 0;
	return true;
}

void log_reader_open(struct log_reader *r, int dir)
{
	*r = (struct log_reader){ .dir = dir, .fd = -1 };
	open_next(r);
	r->lost = false;
}

void log_reader_close(struct log_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->buf);
	r->fd = -1;
	r->buf = NULL;
}

/* Reads more of the present file into the buffer. Returns false if there is no more yet. */
static bool fill(struct log_reader *r)
{
	ssize_t n;

	if (r->fd < 0)
		return false;
	if (r->at) {
		memmove(r->buf, r->buf + r->at, r->have - r->at);
		r->have -= r->at;
		r->at = 0;
	}
	if (r->room < r->have + READ_SIZE) {
		r->room = r->have + READ_SIZE;
		r->buf = realloc(r->buf, r->room);
		if (!r->buf)
			die("out of memory");
	}
	n = pread(r->fd, r->buf + r->have, READ_SIZE, (off_t)(r->offset + r->have));
	if (n <= 0)
		return false;
	r->have += (size_t)n;
	return true;
}

/*
 * Parses a record's time. Returns ns since 1970, or -1. The seconds, which seldom change, come from
 * the cache of the last record.
 */
static int64_t parse_time(struct log_reader *r, const char *text)
{
	struct tm tm = { 0 };
	char copy[WHEN_SIZE + 1], *end;
	long ns;

	if (text[SECOND_SIZE] != '.' || text[WHEN_SIZE - 1] != 'Z')
		return -1;
	if (memcmp(text, r->second, SECOND_SIZE) != 0) {
		memcpy(copy, text, WHEN_SIZE);
		copy[WHEN_SIZE] = '\0';
		if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			    &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
			return -1;
		tm.tm_year -= 1900;
		tm.tm_mon--;
		r->second_ns = timegm(&tm) * 1000000000L;
		memcpy(r->second, text, SECOND_SIZE);
	}
	ns = strtol(text + SECOND_SIZE + 1, &end, 10);
	return end == text + WHEN_SIZE - 1 && ns >= 0 ? r->second_ns + ns : -1;
}

/* Parses a line into a record. Returns false if the line has another form. */
static bool parse(struct log_reader *r, const char *line, size_t n, struct log_record *rec)
{
	static const char *const streams[] = { " stdout ", " stderr ", " nestctl " };

	if (n < WHEN_SIZE)
		return false;
	rec->time = parse_time(r, line);
	rec->when = line;
	rec->when_size = WHEN_SIZE;
	for (int i = 0; rec->time >= 0 && i < 3; i++) {
		size_t len = strlen(streams[i]);

		if (n < WHEN_SIZE + len + 2 || memcmp(line + WHEN_SIZE, streams[i], len) != 0 ||
			line[WHEN_SIZE + len + 1] != ' ')
			continue;
		rec->stream = (enum log_stream)i;
		rec->whole = line[WHEN_SIZE + len] == 'F';
		rec->text = line + WHEN_SIZE + len + 2;
		rec->size = n - (WHEN_SIZE + len + 2);
		return true;
	}
	return false;
}

bool log_next(struct log_reader *r, struct log_record *rec)
{
	bool more = true;

	for (;;) {
		const char *line = r->buf + r->at;
		const char *nl = r->have > r->at ? memchr(line, '\n', r->have - r->at) : NULL;
		unsigned int number = r->number;

		if (nl) {
			size_t n = (size_t)(nl - line);

			r->at += n + 1;
			r->offset += n + 1;
			if (parse(r, line, n, rec))
				return true;
			continue;
		}
		if (fill(r))
			continue;
		/*
		 * A file is complete once the next one exists. The writer may have appended to this
		 * file before that was seen, so it is read to its end once more.
		 */
		if (more && r->fd >= 0 && next_number(r->dir, r->number + 1)) {
			more = false;
			continue;
		}
		if (!more || r->fd < 0) {
			if (!open_next(r) || r->number == number)
				return false;
			more = true;
			continue;
		}
		return false;
	}
}

struct log_place log_place(const struct log_reader *r)
{
	return (struct log_place){ r->number, r->offset };
}

void log_seek(struct log_reader *r, struct log_place place)
{
	int fd = place.number ? open_number(r->dir, place.number) : -1;

	if (r->fd >= 0)
		close(r->fd);
	r->fd = fd;
	r->have = r->at = 0;
	r->number = fd >= 0 ? place.number : 0;
	r->offset = fd >= 0 ? place.offset : 0;
	if (fd < 0)
		open_next(r);
	r->lost = false;
}

/*
 * Reads to the end of the log. Stores in @ring the positions where the last @lines lines begin.
 * Returns how many lines were read.
 */
static size_t note_lines(struct log_reader *r, struct log_place *ring, size_t lines)
{
	struct log_place here = log_place(r);
	struct log_record rec;
	bool begins = true;
	size_t n = 0;

	while (here = log_place(r), log_next(r, &rec)) {
		/* the record is the first of the next file */
		if (here.number != r->number)
			here = (struct log_place){ r->number, 0 };
		if (begins && lines)
			ring[n++ % lines] = here;
		begins = rec.whole;
	}
	return n;
}

/*
 * Searches in the newest file, then in twice as many files each time, until there are enough lines.
 */
void log_seek_tail(struct log_reader *r, size_t lines)
{
	struct log_place *ring = xalloc((lines + 1) * sizeof(*ring));
	unsigned int lowest = next_number(r->dir, 1), newest = last_number(r->dir), back = 0;
	size_t n;

	for (;;) {
		unsigned int from = newest - lowest > back ? newest - back : lowest;

		log_seek(r, (struct log_place){ from, 0 });
		n = note_lines(r, ring, lines);
		if (n >= lines || from <= lowest)
			break;
		back = 2 * back + 1;
	}
	if (lines && n)
		log_seek(r, ring[n > lines ? n % lines : 0]);
	free(ring);
}

int log_watch(int dir)
{
	char path[64];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_DELETE_SELF) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void log_wait(int watch, int fd, int ms)
{
	struct pollfd p[2] = { { .fd = watch, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	char buf[4096];

	poll(p, 2, watch >= 0 ? ms : ms < 50 ? ms : 50);
	if (watch >= 0)
		while (read(watch, buf, sizeof(buf)) > 0)
			;
}
