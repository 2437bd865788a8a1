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
/*
 * Print one line on standard error, with '?' for control characters. die() then exits with status
 * 1, or within attempt() returns there and prints nothing.
 */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * Calls @f. Returns NULL, or the message with which @f died, in memory that is never freed. Memory
 * and descriptors that @f had taken stay taken. Only the first thread may call this.
 */
const char *attempt(void (*f)(void *arg), void *arg);
/*
 * Calls @f for each of the names. If @f dies for a name, prints the message and continues with the
 * next name. Returns the status of the command: 0, or 1 if a name has failed.
 */
int each_name(char **names, void (*f)(const char *name, void *arg), void *arg);
/*
 * Returns the text of @err, the errno with which the host refused to start a process or thread. If
 * pids.max of a control group caused it, the text names the group and its limit. The text is never
 * freed.
 */
const char *task_error(int err);
/* A thread of thread_start(), which writes to it until it is joined. */
struct thread {
	pthread_t id;
	void *(*f)(void *);
	void *arg;
	uint32_t ended; /* a futex */
};
/* Starts a thread that runs @f, or dies. */
void thread_start(struct thread *t, void *(*f)(void *), void *arg);
/*
 * Waits at most @ms milliseconds for the thread's end, whether or not the clock is set meanwhile.
 * Returns true if the thread has ended: it is joined then. @ms -1: waits without a limit.
 */
bool thread_join(struct thread *t, int ms);
/* Returns the name of signal @sig without "SIG", or NULL if @sig is not from 1 to 31. */
const char *signal_abbreviation(int sig);
/*
 * Flushes standard output. Returns @status, but 1 in place of 0 if not all output could be written.
 * Warns then, unless the reader has gone.
 */
int finish_output(int status);
/*
 * Returns an absolute path, never freed, of a file that need not exist. Resolves no links. Returns
 * a copy of @path if the current folder has no path.
 */
char *absolute_path(const char *path);
/* Formats into fresh memory, which is never freed. */
char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Returns zeroed memory for the caller to free, or dies. */
void *xalloc(size_t size);
/* Writes all bytes to a blocking descriptor. Dies on an error, with @what in the message. */
void write_all(int fd, const void *data, size_t size, const char *what);
/*
 * Writes all bytes to the descriptor @fd, and waits while a non-blocking one is full. True if all
 * were written, false with errno (EPIPE: the reader has gone). @stop, if not NULL, is a flag that a
 * signal handler sets: the call then fails with ECANCELED.
 */
bool put_all(int fd, const char *buf, size_t n, const volatile sig_atomic_t *stop);
/*
 * Waits until bytes are available, and reads at most @size of them. Returns their number, 0 at the
 * end of the stream, or -1 with errno.
 */
ssize_t get_some(int fd, char *buf, size_t size);
/*
 * Sets @handler for SIGINT, SIGTERM and SIGHUP, which then interrupt system calls. An ignored
 * SIGHUP (nohup) stays ignored.
 */
void on_ending_signals(void (*handler)(int));
/* Opens /dev/null for each of descriptors 0 to 2 that is closed or not usable in its direction. */
void open_standard_streams(void);
/*
 * For a process that stays, or parses what a guest or another user has written: this process and
 * all programs that it executes gain no rights by set-user-ID bits and file capabilities.
 */
void gain_no_rights(void);
/* Closes all descriptors from 3 on except the @n in @kept, which it sorts. */
void close_others(int *kept, size_t n);
/*
 * Corrects inherited signal dispositions, signal mask and umask. Fills a closed standard stream
 * with a file on which each use fails, so that no file opened later gets its number.
 */
void prepare_process(void);
/* Makes a folder and its missing parents with mode 0700. Dies on an error. */
void make_dirs(const char *path);
/*
 * Makes a file that only the user can read, for a record of what a guest does. Empties an existing
 * file, which keeps its mode. Returns a stream for writing, which is close-on-exec, or NULL with
 * errno.
 */
FILE *create_private(const char *path);
/*
 * Returns "512M" for docker's "512MB" and "512MiB"; returns any other text unchanged. A fresh text
 * is never freed.
 */
const char *size_word(const char *text);
/*
 * Returns the bytes of "512M", "2g" or "4096": units are K, M, G and T in either case, powers of
 * 1024, and a B or iB may follow them. Dies on an error, with @what in the message.
 */
uint64_t parse_size(const char *text, const char *what);
/*
 * Returns the path of an executable in PATH, /usr/sbin and similar folders, for the caller to free,
 * or NULL.
 */
const char *find_program(const char *name);
/*
 * Starts the program argv[0] and returns its pid. Looks up a name without a slash by
 * find_program(). Dies if that finds no program or no process can be made. If execv() fails, the
 * child warns and exits with 127. Only one such program may run at a time. The child's descriptors
 * 0 to 2 are @fds, where -1 means nestctl's own. The child gets its own process group, since
 * mmdebstrap signals its whole group when it fails.
 */
pid_t spawn(const char *const argv[], const int fds[3]);
/*
 * Waits for the child, after which stop_child() has no child to stop. Returns the exit status, or
 * 128 + N after signal N.
 */
int wait_for(pid_t pid);
/*
 * Returns the first 64 KiB of the memory file @fd, in which a program's output is, as a string that
 * the caller frees.
 */
char *program_said(int fd);
/*
 * Sends SIGTERM to the group of spawn()'s child and waits for the child. First closes all
 * descriptors but 0 to 2. Does nothing if there is no child, or if wait_for() has returned for it.
 * Async-signal-safe.
 */
void stop_child(void);

/*
 * Returns the path of an image's file, which need not exist: a name with a slash is a path, any
 * other is in the image folder (image.c). Leaves out "docker.io/" and "docker.io/library/" if a
 * name without a slash follows. Dies if @name is empty. This function and the next three return a
 * part of their argument, or memory that is never freed.
 */
const char *image_path(const char *name);
/* Returns NAME for docker's NAME:latest, unless an image is called NAME:latest. */
const char *image_stem(const char *name);
/*
 * Return the path of nestctl's folder for images, or of its folder @what ("volumes"). The folder
 * may not exist yet. Die if the environment names no home.
 */
const char *image_dir(void);
const char *data_dir(const char *what);

/* busybox.c */
struct ext4_image;
/*
 * Adds folders, files of /etc, the host's program @busybox and links to it for its applets to an
 * empty image. Dies on an error.
 */
void busybox_populate(struct ext4_image *im, const char *busybox);

#endif
