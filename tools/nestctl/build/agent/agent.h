/* SPDX-License-Identifier: MIT */
/*
 * agent.h: the agent of `nestctl build`, a static program that init runs in an instance. It copies
 * files in and out, and prepares RUN, so that an image needs no programs of its own.
 *
 *      agent put   WORD...              writes the files of a stream
 *      agent from  WORD... -- SOURCE... copies files of a second disk
 *      agent get   WORD... -- SOURCE... sends files to standard output; no SOURCE: all files
 *      agent list  WORD...              sends all files, without their data
 *      agent run   WORD... -- COMMAND   takes the stream's files as secrets, runs COMMAND
 *      agent dirs  WORD...              only makes the folders of words W
 *
 * A WORD begins with a letter:
 *
 *      dPATH   target: an absolute path
 *      D       the target is a folder, even if it does not exist yet
 *      oOWNER  USER[:GROUP] of all files; without it root, or with "k" the stream's owners
 *      k       keep the owners of the stream
 *      mMODE   mode of all files, octal
 *      WPATH   a folder that is made first, if it is missing
 *      wPATH   the command's working folder
 *      uUSER   the command's user
 *      eN=V    a variable of the command's environment
 *      bSOURCE\tTARGET   bind-mount SOURCE at TARGET, read-only
 *      cSOURCE\tTARGET\tMODE\tOWNER   bind-mount a cache's folder, writable; made if missing
 *      sDEVICE[\tro]     a disk, mounted at /dev/shm/.build/DEVICE; before the words that use it
 *      iDEVICE           a disk with the stream, in place of standard input
 *      tTARGET[\tSIZE]   a tmpfs
 *      EVAR\tNAME        the secret file NAME as a variable of the command
 *      fNAME\tTARGET\tMODE\tOWNER   the secret file NAME of the stream at TARGET
 *
 * The agent's root is a second bind mount of the image's file system, over which init has mounted
 * nothing. So no name of the image leads out of it. A command has the usual root, but without the
 * tmpfs of /tmp and /run. Errors are one line on standard error and exit status 125.
 */
#ifndef NESTLING_BUILD_AGENT_H
#define NESTLING_BUILD_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/nestctl/build/stream.h"

#define AGENT_FAILED 125
#define AGENT_FOLDER "/dev/shm/.build"

struct agent_words {
	char **words; /* words before "--" */
	char **rest;  /* words behind "--", ending in NULL */
};

/* Prints @what and errno's text, and exits with status 125. */
void fail(const char *what) __attribute__((noreturn));
/* Prints a line and exits with status 125. */
void fail_text(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Returns @p. Fails if it is NULL, for want of memory. */
void *must(void *p);
/* Formats into fresh memory, which the caller may free. */
char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Returns the first word that begins with @letter, without the letter, or NULL. */
const char *word_of(const struct agent_words *w, char letter);
/*
 * Makes the file system at @path the root and the working folder. @path "/": the image's file
 * system, without the mounts in it.
 */
void enter_root(const char *path);
/* Makes the folder @path and its missing parents, with mode 0755. Fails on an error. */
void make_path(const char *path);

/*
 * stream.c: functions that fail on an error. stream_read() fills terminated texts of
 * STREAM_PATH_MAX bytes and h->xattrs bytes of attributes (STREAM_XATTRS_MAX at most), and returns
 * false at the end of the stream. stream_read_piece() reads at most STREAM_PIECE_MAX bytes, and
 * returns false at the end of the file's data.
 */
bool stream_read(int fd, struct stream_head *h, char *path, char *target, char *xattrs);
bool stream_read_piece(int fd, struct stream_piece *p, char *data);
/*
 * Write to the stream @fd. stream_write() writes an entry, whose @xattrs have h->xattrs bytes, and
 * fills in the other lengths of @h. stream_write_piece() writes at most STREAM_PIECE_MAX bytes; a
 * piece of 0 bytes ends the file's data. stream_finish() ends the stream. All fail on an error.
 */
void stream_write(
	int fd, struct stream_head *h, const char *path, const char *target, const char *xattrs);
void stream_write_piece(int fd, uint64_t offset, const void *data, uint32_t size);
void stream_finish(int fd);

/* put.c: writes the entries of the stream in @fd to the target (word d). */
void put_files(int fd, const struct agent_words *w);
/*
 * get.c: sends the files that match the patterns w->rest in the root to @fd, or all files if
 * w->rest is empty, and ends the stream. @data: with their data.
 */
void get_files(int fd, const struct agent_words *w, bool data);
/* run.c: runs w->rest and kills the processes that it leaves. Returns its exit status. */
int run_command(const struct agent_words *w);
/* Mounts the disks of the words s. Fails on an error. */
void mount_disks(const struct agent_words *w);

#endif
