/* SPDX-License-Identifier: MIT */
/*
 * umid.h: finds a running instance by its name (its UMID) and sends commands to it. An instance has
 * the folder ~/.uml/UMID or $XDG_RUNTIME_DIR/uml/UMID with its pid and the socket of its management
 * console (drivers/mconsole).
 */
#ifndef NESTLING_NESTCTL_UMID_H
#define NESTLING_NESTCTL_UMID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Returns the folder of the running instance @name, in memory that is never freed. @name NULL: of
 * the only running instance. Dies if there is none, or if @name is NULL and there are several.
 */
const char *umid_folder(const char *name);
/*
 * Returns the folder of the running instance @name, in memory that is never freed. Returns NULL if
 * no instance of this name runs, or if @name cannot be a name.
 */
const char *umid_served(const char *name);
/* Returns the pid of the kernel's process. Dies if the instance has ended. */
pid_t umid_pid(const char *folder);

/*
 * Returns the pid in the folder's file. Returns 0 if there is no file, or if no process that this
 * user may signal has the pid.
 */
pid_t umid_read_pid(const char *folder);
/* True if a process listens on the folder's management console, false with errno. */
bool umid_is_served(const char *folder);
/*
 * Removes an instance's folder, with its sockets and pid, if the console's socket exists and no
 * process serves it. If the socket is missing or cannot be asked, removes the folder only if it is
 * empty. Errors are ignored.
 */
void umid_remove_dead(const char *folder);
/*
 * Removes the folder of the ended kernel @pid, unless another kernel has the folder by now. With
 * any other @pid, such as 0, no running kernel loses its folder. Waits up to 5 s for the broker of
 * a jailed kernel, which holds the socket a moment longer than the kernel. Leaves the folder if the
 * broker still holds the socket then.
 */
void umid_remove_ended(const char *folder, pid_t pid);
/*
 * Returns home @i (0 or 1), a folder that contains the folders of instances, in memory that is
 * never freed. Returns NULL if the environment names none.
 */
const char *umid_home(int i);

/* A connection to a management console. One request at a time. */
struct umid_console {
	int fd; /* caller closes it when done */
	/*
	 * ms to wait for each packet of a reply, 10000 at first. A whole reply may take four times
	 * as long. The caller may change it.
	 */
	int wait_ms;
	/*
	 * ms between two checks whether the instance still exists, 200 at first. The caller may
	 * change it.
	 */
	int step_ms;
	/*
	 * the socket's inode and ctime in ns, which change when an instance executes its kernel
	 * again
	 */
	uint64_t inode, made;
	/* a reply to an earlier request may still come to @fd, so the next request renews @fd */
	bool late;
	/* the path of the socket */
	char path[108];
};
/*
 * Connect to the console in @folder and fill @c. umid_try_connect() returns true on success and
 * false with errno, umid_connect() dies on an error.
 */
bool umid_try_connect(struct umid_console *c, const char *folder);
void umid_connect(struct umid_console *c, const char *folder);
/*
 * Sends a command and waits for the reply. The kernel refuses a text of 512 bytes or more, or of
 * 3072 if its first word is "state". Dies at 3072 bytes or more. Returns the reply as a string that
 * the caller frees. *len: its length without the terminating zero (the reply may contain zeros).
 * *err: 0, or not 0 if the command failed; the reply is then the reason. Returns NULL, and does not
 * set *err, if no complete reply came in time, if it has more than 64 MiB, or if the instance has
 * ended.
 */
char *umid_ask(struct umid_console *c, const char *command, int *err, size_t *len);
/* As umid_ask(), but also sends the @n descriptors @fds, at most 8. They stay the caller's. */
char *umid_ask_with(struct umid_console *c, const char *command, const int *fds, size_t n, int *err,
	size_t *len);
/*
 * The two halves of umid_ask_with(). umid_send() returns false with errno if the command could not
 * be sent, mostly since the instance has ended. umid_reply() returns NULL where umid_ask() does.
 */
bool umid_send(struct umid_console *c, const char *command, const int *fds, size_t n);
char *umid_reply(struct umid_console *c, int *err, size_t *len);

/* True while the process to which @c was connected still serves the console. */
bool umid_is_same(const struct umid_console *c);

#endif
