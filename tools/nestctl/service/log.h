/* SPDX-License-Identifier: MIT */
/*
 * log.h: the output of a kept instance, in files log.1, log.2 ... of its folder. A machine that
 * continues from a state has such files too (state/machine_log.c).
 *
 * A record is a line "TIME STREAM KIND TEXT", the form of Kubernetes' container logs: TIME in UTC
 * with nanoseconds, STREAM stdout, stderr or nestctl, KIND F (a whole line, or the end of one) or P
 * (a part, more follows). TEXT is the program's bytes.
 *
 * Only the supervisor writes, or the keeper of the machine. When a file is full the writer begins
 * the file with the next number, never writes to the full one again, and removes the lowest files
 * beyond the limit. A reader that finds file N+1 therefore knows that N is complete. No file is
 * renamed.
 */
#ifndef NESTLING_NESTCTL_LOG_H
#define NESTLING_NESTCTL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_stream { LOG_OUT, LOG_ERR, LOG_OURS, LOG_STREAMS };

/* ---- log.c ---- */

/*
 * A log that is written. @dir: descriptor of the folder, which the caller owns. @fd: the file
 * log.@number.
 */
struct log {
	int dir, fd;
	unsigned int number, max_files;
	/* @size: bytes of the file. @max_size: the size from which on a new file begins. */
	uint64_t size, max_size;
	/*
	 * for each stream. @part: its last line is incomplete. @torn: the disk had no room for the
	 * beginning of the line that the stream is writing.
	 */
	bool part[LOG_STREAMS], torn[LOG_STREAMS];
	/* bytes for which the disk had no room and that the log has not reported */
	uint64_t lost;
	int error; /* errno of the last failed write */
	/* records that are being formed: @have of @room bytes */
	char *buf;
	size_t have, room;
};
/*
 * Opens the newest file, or creates the first. Removes an unfinished record of a killed writer.
 * @max_files: how many files are kept. Dies on an error.
 */
void log_open(struct log *l, int dir, uint64_t max_size, unsigned int max_files);
/*
 * Appends @n bytes of output of a stream. Does not fail: bytes for which the disk has no room are
 * counted. A record of LOG_OURS reports their number as soon as there is room.
 */
void log_write(struct log *l, enum log_stream stream, const char *text, size_t n);

/* ---- log_read.c ---- */

struct log_record {
	enum log_stream stream;
	bool whole;   /* the record ends its line */
	int64_t time; /* ns since 1970 */
	/* the text of @time, not terminated */
	const char *when;
	size_t when_size;
	/* not terminated; valid until the next call */
	const char *text;
	size_t size;
};
/* A log that is read. @dir is the caller's. @fd: the file log.@number, or -1. */
struct log_reader {
	int dir, fd;
	unsigned int number;
	/* @have of @room bytes in the buffer are of the file; the next record is at index @at */
	char *buf;
	size_t have, at, room;
	/* offset of the next record in its file */
	uint64_t offset;
	/* cache for the next record: the last record's time to the second, as text and in ns */
	char second[20];
	int64_t second_ns;
	/* set if files were removed before they were read; the caller clears it */
	bool lost;
};
/* A byte offset in the file log.@number. */
struct log_place {
	unsigned int number;
	uint64_t offset;
};
/* Opens the log in the folder @dir, before its oldest record. There may be no file yet. */
void log_reader_open(struct log_reader *r, int dir);
/* Closes the file and frees the buffer, but does not close @dir. */
void log_reader_close(struct log_reader *r);
/* Reads the next record. Returns false if there is no further complete record yet. */
bool log_next(struct log_reader *r, struct log_record *record);
/*
 * log_place() returns the position of the next record. log_seek() moves to @place, or to the oldest
 * record if the file of @place was removed.
 */
struct log_place log_place(const struct log_reader *r);
void log_seek(struct log_reader *r, struct log_place place);
/*
 * Moves to the beginning of the last @lines lines, or to the oldest record if the log has fewer. 0:
 * to the end.
 */
void log_seek_tail(struct log_reader *r, size_t lines);
/*
 * Waits until a file of the log may have grown, for @ms milliseconds at most. @watch: from
 * log_watch(); -1: waits for 50 ms at most. @fd: a descriptor that ends the wait when it is
 * readable, or -1.
 */
void log_wait(int watch, int fd, int ms);
/*
 * Parses a time as --since takes it. Returns ns since 1970. Dies with a message that begins with
 * @what if it is invalid (logs.c).
 */
int64_t parse_when(const char *what, const char *text);
/*
 * Returns an inotify descriptor of the folder @dir for log_wait(), which the caller closes, or -1
 * if the host has none left.
 */
int log_watch(int dir);

#endif
