/* SPDX-License-Identifier: MIT */
/*
 * config.h: an image's settings (tools/nestctl/image/image.h) while instructions change them. Lists
 * end in NULL; NULL is an empty one.
 */
#ifndef NESTLING_NESTCTL_BUILD_CONFIG_H
#define NESTLING_NESTCTL_BUILD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/nestctl/build/words.h"
#include "tools/nestctl/image/image.h"

struct config {
	char **env, **labels; /* NAME=VALUE */
	char *dir, *user, *stop, *author, *comment;
	char **entry, **command, **ports, **volumes, **health, **numbers, **shell, **onbuild;
	/* CMD was given: ENTRYPOINT does not reset it */
	bool has_command;
};

struct config config_of(const struct image_config *c);
/* Returns a copy whose lists are its own. */
struct config config_copy(const struct config *c);
/* Returns the text for image_config_write(). */
char *config_text(const struct config *c, size_t *size);
/* Returns the value of a variable of its environment, or NULL. */
const char *config_env(const struct config *c, const char *name);
/* Sets NAME=VALUE in a list of such. */
void config_set(char ***list, char *text);
/*
 * Carries out an instruction that changes nothing but settings. False for another one. Dies with a
 * line if it is wrong.
 */
bool config_apply(struct config *c, const struct variables *v);
/*
 * Carries out an instruction of --change. Dies with a line of @command if it is not one of those.
 */
void config_change(struct config *c, const char *text, const char *command);
/* Returns the words of a command in either form; the shell's come first in the shell form. */
char **config_command(const struct config *c, const char *text);
/* Returns an image's name without "docker.io/library/" and ":latest", as the store has it. */
const char *image_name_of(const char *name);

#endif
