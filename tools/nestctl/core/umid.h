/* SPDX-License-Identifier: MIT */
/*
 * umid.h: a running instance, by its name: the folder ~/.uml/UMID or $XDG_RUNTIME_DIR/uml/UMID with
 * its pid and the socket of its management console (drivers/mconsole).
 */
#ifndef NESTLING_NESTCTL_UMID_H
#define NESTLING_NESTCTL_UMID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Returns the folder of a name (with NULL of the only running instance), in memory that is kept.
 * Dies if there is none.
 */
const char *umid_folder(const char *name);
/* Returns the kernel's process. Dies if the instance has ended. */
pid_t umid_pid(const char *folder);

/* Returns the process, or 0. */
pid_t umid_read_pid(const char *folder);
/* True if a process listens there. */
bool umid_is_served(const char *folder);
/* Removes a folder that no process serves any more, with its sockets. */
void umid_remove_dead(const char *folder);
/*
 * Removes the folder of the ended kernel @pid unless another kernel has it by now. Waits up to 5 s
 * for the broker of a jailed kernel, which has the socket a moment longer than the kernel.
 */
void umid_remove_ended(const char *folder, pid_t pid);
/* Returns the folders of names, 0 and 1, or NULL if the environment names none. */
const char *umid_home(int i);

/* A connection to a management console. umid_connect() dies if none listens. */
struct umid_console {
	int fd;
	/* ms for each packet of a reply; may be changed */
	int wait_ms;
	/* ms between two looks whether the instance still exists; may be changed */
	int step_ms;
	/* the socket: of an instance that has executed its kernel again it is another */
	uint64_t inode, made;
	char path[108];
};
/* Connects without dying. */
bool umid_try_connect(struct umid_console *c, const char *folder);
void umid_connect(struct umid_console *c, const char *folder);
/*
 * Sends a command and returns the reply, terminated, its length in *len (it may contain zeros), to
 * be freed. *err: the instance's result, 0 or an error, of which the reply is the reason. NULL: no
 * answer within some seconds, or the instance has ended.
 */
char *umid_ask(struct umid_console *c, const char *command, int *err, size_t *len);
/* Sends descriptors (at most 8) along with the command. */
char *umid_ask_with(struct umid_console *c, const char *command, const int *fds, size_t n, int *err,
	size_t *len);
/* The two halves of umid_ask(). They return false if the instance has ended. */
bool umid_send(struct umid_console *c, const char *command, const int *fds, size_t n);
char *umid_reply(struct umid_console *c, int *err, size_t *len);

/* True while the process that was connected to serves the console. */
bool umid_is_same(const struct umid_console *c);

#endif
