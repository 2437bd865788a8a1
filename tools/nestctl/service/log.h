/* SPDX-License-Identifier: MIT */
/*
 * log.h: the output of a kept instance, in files log.1, log.2 ... of its folder.
 *
 * A record is a line "TIME STREAM KIND TEXT", the form of Kubernetes' container logs: TIME in UTC
 * with nanoseconds, STREAM stdout, stderr or nestctl, KIND F (a whole line, or the end of one) or P
 * (a part, more follows). TEXT is the program's bytes.
 *
 * There is one writer, the supervisor. A file that is full is never written to again: the next
 * number begins, and the lowest file is removed. A reader that finds file N+1 therefore knows that
 * N is complete. No file is renamed.
 */
#ifndef NESTLING_NESTCTL_LOG_H
#define NESTLING_NESTCTL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_stream { LOG_OUT, LOG_ERR, LOG_OURS, LOG_STREAMS };

/* ---- log.c ---- */

struct log {
	int dir, fd;
	unsigned int number, max_files;
	uint64_t size, max_size;
	/* of each stream: its last line is not whole; the disk had no room for its beginning */
	bool part[LOG_STREAMS], torn[LOG_STREAMS];
	/* bytes that had no room on the disk, and the error */
	uint64_t lost;
	int error;
	char *buf;
	size_t have, room;
};
/* Opens the newest file, or the first. Removes what a killed writer left of a record. */
void log_open(struct log *l, int dir, uint64_t max_size, unsigned int max_files);
/*
 * Appends what a stream brought. Does not fail: what has no room is counted, and said in a record
 * of LOG_OURS as soon as there is some.
 */
void log_write(struct log *l, enum log_stream stream, const char *text, size_t n);

/* ---- log_read.c ---- */

struct log_record {
	enum log_stream stream;
	bool whole;   /* ends its line */
	int64_t time; /* ns since 1970 */
	/* its text, not terminated */
	const char *when;
	size_t when_size;
	/* not terminated; valid until the next call */
	const char *text;
	size_t size;
};
struct log_reader {
	int dir, fd;
	unsigned int number;
	char *buf;
	size_t have, at, room;
	/* place of the next record in its file */
	uint64_t offset;
	/* the second of the last record, and its time in ns */
	char second[20];
	int64_t second_ns;
	/* files were removed before they were read; the caller resets it */
	bool lost;
};
struct log_place {
	unsigned int number;
	uint64_t offset;
};
/* Begins with the oldest record. */
void log_reader_open(struct log_reader *r, int dir);
void log_reader_close(struct log_reader *r);
/* Reads the next record. Returns false if there is none yet. */
bool log_next(struct log_reader *r, struct log_record *record);
/* Returns where the next record begins; and goes there, or to the oldest if that is gone. */
struct log_place log_place(const struct log_reader *r);
void log_seek(struct log_reader *r, struct log_place place);
/* Goes to where the last @lines lines begin. */
void log_seek_tail(struct log_reader *r, size_t lines);
/*
 * Waits until a file may have more, or for @ms at most. @watch: from log_watch(), or -1. @fd: its
 * readiness ends the wait, or -1.
 */
void log_wait(int watch, int fd, int ms);
/* Parses a time of --since, for the message @what. Returns ns since 1970. Dies (logs.c). */
int64_t parse_when(const char *what, const char *text);
/* Returns a descriptor for log_wait(); -1: it has to look again and again. */
int log_watch(int dir);

#endif
