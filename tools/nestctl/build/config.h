/* SPDX-License-Identifier: MIT */
/*
 * config.h: an image's settings (tools/nestctl/image/image.h) in the form that instructions change.
 * Lists end in NULL. NULL is an empty list. Nothing is freed.
 */
#ifndef NESTLING_NESTCTL_BUILD_CONFIG_H
#define NESTLING_NESTCTL_BUILD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/nestctl/build/words.h"
#include "tools/nestctl/image/image.h"

struct config {
	char **env, **labels; /* NAME=VALUE */
	/* texts w, u, s, a and m of image.h, or NULL */
	char *dir, *user, *stop, *author, *comment;
	/* the lists x, c, p, v, h, i, b and o of image.h */
	char **entry, **command, **ports, **volumes, **health, **numbers, **shell, **onbuild;
	/* CMD was given in this build, so ENTRYPOINT does not reset it */
	bool has_command;
};

/* Returns copies of the settings of @c. */
struct config config_of(const struct image_config *c);
/* Returns a copy of @c with its own lists and texts, in which @has_command is false. */
struct config config_copy(const struct config *c);
/* Returns the text for image_config_write(), of *size bytes. */
char *config_text(const struct config *c, size_t *size);
/* Returns a variable of @c's environment, or NULL. PATH is never missing, as in the instance. */
const char *config_env(const struct config *c, const char *name);
/* Sets @text, NAME=VALUE, in a list of variables. The list keeps @text. */
void config_set(char ***list, char *text);
/*
 * Carries out an instruction that changes only settings. Returns false if it is of another kind.
 * Dies with a message if it is invalid.
 */
bool config_apply(struct config *c, const struct variables *v);
/*
 * Carries out an instruction given to --change. Dies with a message that names @command if it is
 * invalid, or of another kind.
 */
void config_change(struct config *c, const char *text, const char *command);
/*
 * Returns the words of a command in JSON or shell form. In shell form the shell's words come first.
 */
char **config_command(const struct config *c, const char *text);
/*
 * Returns the name that an image has in the store: no "docker.io/library/", no "localhost/", no
 * ":latest".
 */
const char *image_name_of(const char *name);

#endif
