/* SPDX-License-Identifier: MIT */
/*
 * nestctl.h: what the files of nestctl share. nestctl is an ordinary host program: it makes images
 * and starts, lists and controls instances. Every error ends in die(): one line on stderr, exit
 * status 1.
 */
#ifndef NESTLING_NESTCTL_H
#define NESTLING_NESTCTL_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* util.c */
extern const char *program_name; /* in front of messages */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * Calls @f and returns NULL, or the line with which it died. What it had opened stays open. Of the
 * first thread only.
 */
const char *attempt(void (*f)(void *arg), void *arg);
/*
 * Returns the text of the errno @err with which the host refused a process or thread: the limit, if
 * it is pids.max of a control group of ours.
 */
const char *task_error(int err);
/* Starts a thread as pthread_create() does, or dies. */
void thread_start(pthread_t *thread, void *(*f)(void *), void *arg);
/* Returns @status, or 1 if not all of standard output could be written. */
int finish_output(int status);
/* Formats into fresh memory, which is never freed. */
char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void *xalloc(size_t size);
void write_all(int fd, const void *data, size_t size, const char *what);
/*
 * Writes all bytes to a stream, which may be non-blocking. False with errno if the reader has gone.
 * @stop, or NULL: ECANCELED once it is set and a signal has come.
 */
bool put_all(int fd, const char *buf, size_t n, const volatile sig_atomic_t *stop);
/* Reads available bytes, waiting for some. Returns 0 at the end, -1 with errno. */
ssize_t get_some(int fd, char *buf, size_t size);
/*
 * Handles SIGINT, SIGTERM and SIGHUP, which interrupt calls. An ignored SIGHUP (nohup) stays
 * ignored.
 */
void on_ending_signals(void (*handler)(int));
/* Opens /dev/null for a standard stream that is closed or not usable in its direction. */
void open_standard_streams(void);
/*
 * Corrects inherited signal dispositions, signal mask and umask, and sets the locale. A closed
 * standard stream gets a file on which each use fails, lest a file of ours takes its place.
 */
void prepare_process(void);
/* Makes a folder and those above it, all for the user alone. */
void make_dirs(const char *path);
/*
 * Makes, or empties, a file for the user alone: a recording of what a guest does. NULL with errno.
 */
FILE *create_private(const char *path);
/* Returns "512M" for docker's "512MB" and "512MiB"; returns any other text unchanged. */
const char *size_word(const char *text);
/* Parses "512M", "2G" or bytes, also with a B behind the unit; dies on an error. */
uint64_t parse_size(const char *text, const char *what);
/* Returns the path of a helper program, also from /usr/sbin, or NULL. */
const char *find_program(const char *name);
/*
 * Starts argv (searched like find_program), one program at a time, with fds 0 to 2 as given, -1 for
 * nestctl's own. It gets its own process group, since mmdebstrap signals its whole group when it
 * fails.
 */
pid_t spawn(const char *const argv[], const int fds[3]);
/* Returns its exit status, or 128 + N for a signal. */
int wait_for(pid_t pid);
/* Returns the first 64 KiB that it wrote into the memory file @fd. */
char *program_said(int fd);
/* Ends a child of spawn() that was not waited for yet; async-signal-safe. */
void stop_child(void);

/*
 * Returns the file of an image: a name with a slash is a path, any other is looked up in the image
 * folder (image.c).
 */
const char *image_path(const char *name);
/* Returns NAME for docker's NAME:latest, unless an image has all of that as its name. */
const char *image_stem(const char *name);
const char *image_dir(void);
/* Returns nestctl's folder for @what, such as "images"; dies if the environment names none. */
const char *data_dir(const char *what);

/* busybox.c */
struct ext4_image;
void busybox_populate(struct ext4_image *im, const char *busybox);

#endif
