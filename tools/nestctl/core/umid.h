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
/* Returns the folder of the running instance @name, in memory that is never freed, or NULL. */
const char *umid_served(const char *name);
/* Returns the pid of the kernel's process. Dies if the instance has ended. */
pid_t umid_pid(const char *folder);

/* Returns the pid in the folder's file, or 0 if there is none or no process has it. */
pid_t umid_read_pid(const char *folder);
/* True if a process listens on the folder's management console, false with errno. */
bool umid_is_served(const char *folder);
/* Removes a folder that no process serves any more, with its sockets. Errors are ignored. */
void umid_remove_dead(const char *folder);
/*
 * Removes the folder of the ended kernel @pid, unless another kernel has the folder by now. Waits
 * up to 5 s for the broker of a jailed kernel, which holds the socket a moment longer than the
 * kernel.
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
	/* ms to wait for each packet of a reply, 10 s at first. The caller may change it. */
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
 * Sends a command, whose text is shorter than 512 bytes, or than 3072 if its first word is "state".
 * Dies if it is longer. Returns the reply, which the caller frees. *len: its length without the
 * terminating zero (the reply may contain zeros). *err: 0, or the instance's error number; the
 * reply is then the reason. Returns NULL if no answer came in time, or if the instance has ended.
 */
char *umid_ask(struct umid_console *c, const char *command, int *err, size_t *len);
/* Sends @n descriptors (at most 8) along with the command. They stay the caller's. */
char *umid_ask_with(struct umid_console *c, const char *command, const int *fds, size_t n, int *err,
	size_t *len);
/*
 * The two halves of umid_ask(). umid_send() returns false if the instance has ended. umid_reply()
 * returns NULL then, or if no answer comes in time.
 */
bool umid_send(struct umid_console *c, const char *command, const int *fds, size_t n);
char *umid_reply(struct umid_console *c, int *err, size_t *len);

/* True while the process to which @c was connected still serves the console. */
bool umid_is_same(const struct umid_console *c);

#endif
