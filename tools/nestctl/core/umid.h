/* SPDX-License-Identifier: MIT */
/*
 * umid.h: a running instance, by its name: the folder ~/.uml/UMID or $XDG_RUNTIME_DIR/uml/UMID with its pid and the socket of its
 * management console (drivers/mconsole).
 */
#ifndef NESTLING_NESTCTL_UMID_H
#define NESTLING_NESTCTL_UMID_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The folder of a name (or, with NULL, of the only instance that runs), in memory that is kept. Dies when there is none. */
const char *umid_folder(const char *name);
/* The kernel's process. Dies when the instance has ended. */
pid_t umid_pid(const char *folder);

/* The same without dying: 0. */
pid_t umid_read_pid(const char *folder);
/* Somebody listens there. */
bool umid_is_served(const char *folder);
/* The folders that names are in, 0 and 1; NULL where the environment names none. */
const char *umid_home(int i);

/* A connection to its management console. Dies when nobody listens. */
struct umid_console {
	int fd;
	int wait_ms; /* for each packet of a reply; may be changed */
	char path[108];
};
/* The same without dying. */
bool umid_try_connect(struct umid_console *c, const char *folder);
void umid_connect(struct umid_console *c, const char *folder);
/*
 * Sends a command and gives the reply, terminated, its length in *len (it may hold zeros), to be freed. *err: what the instance says of
 * it, 0 or an error, of which the reply is the reason. NULL: no answer within some seconds, or no instance any more.
 */
char *umid_ask(struct umid_console *c, const char *command, int *err, size_t *len);
/* The same with descriptors (at most 8) that go along with the command. */
char *umid_ask_with(struct umid_console *c, const char *command, const int *fds, size_t n, int *err,
	size_t *len);

#endif
