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
extern const char *program_name; /* printed in front of messages */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * Calls @f. Returns NULL, or the message with which @f died. Descriptors that @f had opened stay
 * open. Only the first thread may call this.
 */
const char *attempt(void (*f)(void *arg), void *arg);
/*
 * Returns the text of @err, the errno with which the host refused to start a process or thread. If
 * pids.max of a control group caused it, the text names the group and its limit.
 */
const char *task_error(int err);
/* Starts a thread as pthread_create() does, or dies. */
void thread_start(pthread_t *thread, void *(*f)(void *), void *arg);
/* Flushes standard output. Returns @status, or 1 if not all output could be written. */
int finish_output(int status);
/* Formats into fresh memory, which is never freed. */
char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void *xalloc(size_t size);
void write_all(int fd, const void *data, size_t size, const char *what);
/*
 * Writes all bytes to a stream, which may be non-blocking. True if all were written, false with
 * errno (EPIPE: the reader has gone). @stop, if not NULL, is a flag that a signal handler sets: the
 * call then fails with ECANCELED.
 */
bool put_all(int fd, const char *buf, size_t n, const volatile sig_atomic_t *stop);
/*
 * Waits until bytes are available, and reads them. Returns their number, 0 at the end of the
 * stream, or -1 with errno.
 */
ssize_t get_some(int fd, char *buf, size_t size);
/*
 * Sets @handler for SIGINT, SIGTERM and SIGHUP, which then interrupt system calls. An ignored
 * SIGHUP (nohup) stays ignored.
 */
void on_ending_signals(void (*handler)(int));
/* Opens /dev/null for a standard stream that is closed or not usable in its direction. */
void open_standard_streams(void);
/*
 * Corrects inherited signal dispositions, signal mask and umask, and sets the locale. Fills a
 * closed standard stream with a file on which each use fails, so that no file opened later gets its
 * number.
 */
void prepare_process(void);
/* Makes a folder and its missing parents, for the user alone. */
void make_dirs(const char *path);
/*
 * Makes or empties a file that only the user can read, for a record of what a guest does. Returns
 * NULL with errno on an error.
 */
FILE *create_private(const char *path);
/* Returns "512M" for docker's "512MB" and "512MiB"; returns any other text unchanged. */
const char *size_word(const char *text);
/* Parses "512M", "2G" or bytes, also with a B behind the unit; dies on an error. */
uint64_t parse_size(const char *text, const char *what);
/* Returns the path of a program in PATH, /usr/sbin and similar folders, or NULL. */
const char *find_program(const char *name);
/*
 * Starts the program argv[0], searched for as in find_program(), and returns its pid. Dies on an
 * error. Only one such program may run at a time. Its descriptors 0 to 2 are @fds, where -1 means
 * nestctl's own. It gets its own process group, since mmdebstrap signals its whole group when it
 * fails.
 */
pid_t spawn(const char *const argv[], const int fds[3]);
/* Waits for the process. Returns its exit status, or 128 + N after signal N. */
int wait_for(pid_t pid);
/* Returns the first 64 KiB of the memory file @fd, into which a program wrote its output. */
char *program_said(int fd);
/* Terminates the child of spawn() unless wait_for() has returned for it. Async-signal-safe. */
void stop_child(void);

/*
 * Returns the file of an image: a name with a slash is a path, any other is looked up in the image
 * folder (image.c).
 */
const char *image_path(const char *name);
/* Returns NAME for docker's NAME:latest, unless an image is called NAME:latest. */
const char *image_stem(const char *name);
const char *image_dir(void);
/* Returns nestctl's folder for @what, such as "images". Dies if the environment names no home. */
const char *data_dir(const char *what);

/* busybox.c */
struct ext4_image;
void busybox_populate(struct ext4_image *im, const char *busybox);

#endif
