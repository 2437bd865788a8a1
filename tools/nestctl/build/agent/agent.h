/* SPDX-License-Identifier: MIT */
/*
 * agent.h: the agent of `nestctl build`, a static program that init runs in an instance, so that an
 * image need have no program of its own: it copies files in and out, and prepares RUN.
 *
 *      agent put   WORD...              the files of a stream
 *      agent from  WORD... -- SOURCE... the files of a second disk
 *      agent get   WORD... -- SOURCE... a stream of files on standard output; without SOURCE all
 *      agent list  WORD...              likewise, without their data
 *      agent run   WORD... -- COMMAND   after files of the stream are in the folder of secrets
 *      agent dirs  WORD...              folders alone
 *
 * A WORD begins with a letter:
 *
 *      dPATH   where files go: an absolute path
 *      D       that is a folder, also if it does not exist yet
 *      oOWNER  USER[:GROUP] of all files; without it root, or the stream's own with "k"
 *      k       owners of the stream are kept
 *      mMODE   octal, of all files
 *      WPATH   a folder that is made first, if it is missing
 *      wPATH   the command's folder
 *      uUSER   its user
 *      eN=V    its environment
 *      bSOURCE\tTARGET   is bound to TARGET, read-only
 *      cSOURCE\tTARGET   likewise, writable
 *      sDEVICE[\tro]     a disk, mounted at /dev/shm/.build/DEVICE; before the words that use it
 *      iDEVICE           a disk that has the stream, instead of standard input
 *      tTARGET[\tSIZE]   a tmpfs
 *      EVAR\tNAME        the secret file NAME as a variable of the command
 *      fNAME\tTARGET\tMODE\tOWNER   the secret file NAME of the stream at TARGET
 *
 * The agent's root is the image's own file system, bound a second time, which no mount of init's
 * covers; that of a command is the usual one without the tmpfs of /tmp and /run. So no name of the
 * image leads out of it. Errors are one line on standard error and status 125.
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
	char **words; /* those before "--" */
	char **rest;  /* those behind it; ends in NULL */
};

void fail(const char *what) __attribute__((noreturn)); /* with errno */
void fail_text(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void *must(void *p); /* fails for NULL */
char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Returns the first word of the letter, without it, or NULL. */
const char *word_of(const struct agent_words *w, char letter);
/* Goes into the root of the image, which is @path, and nothing that is mounted in it. */
void enter_root(const char *path);
/* Makes the folders of the path, with mode 0755. */
void make_path(const char *path);

/* stream.c: both fail on an error. False at the end of the stream. */
bool stream_read(int fd, struct stream_head *h, char *path, char *target, char *xattrs);
bool stream_read_piece(int fd, struct stream_piece *p, char *data);
void stream_write(
	int fd, struct stream_head *h, const char *path, const char *target, const char *xattrs);
void stream_write_piece(int fd, uint64_t offset, const void *data, uint32_t size);
void stream_finish(int fd);

/* put.c: writes the entries of a stream below the word d. */
void put_files(int fd, const struct agent_words *w);
/* get.c: sends files of this root. */
void get_files(int fd, const struct agent_words *w, bool data);
/* run.c */
int run_command(const struct agent_words *w);
/* Mounts the disks of the words s. */
void mount_disks(const struct agent_words *w);

#endif
