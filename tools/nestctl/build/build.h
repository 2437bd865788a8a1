/* SPDX-License-Identifier: MIT */
/*
 * build.h: `nestctl build`: the stages of a Containerfile and what happens to them.
 *
 *      build.c    options, and the result        plan.c     stages, and which of them are needed
 *      source.c   FROM: the image of a name      perform.c  instructions
 *      files.c    COPY and ADD                   mounts.c   RUN --mount
 *
 * Memory is never freed: a build is a process.
 */
#ifndef NESTLING_NESTCTL_BUILD_H
#define NESTLING_NESTCTL_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/nestctl/build/cache.h"
#include "tools/nestctl/build/config.h"
#include "tools/nestctl/build/containerfile.h"
#include "tools/nestctl/build/context.h"
#include "tools/nestctl/build/step.h"
#include "tools/nestctl/core/command.h"

#define STAGES_MAX 256
/* files of a chain; the kernel opens 16 */
#define DEPTH_MAX 12

/* An image to begin with: its files and its settings. */
struct source {
	struct layer layer;
	struct config config;
};

struct stage {
	/* FROM, and the place of what follows it in the file */
	struct instruction *from;
	size_t first, end;
	/* in lower case, or NULL */
	const char *name;
	/* the name behind FROM, expanded; the stage that it means, or -1 */
	const char *image;
	int parent;
	bool needed, done;
	struct layer layer;
	struct config config;
	/* ARG: NAME=VALUE, and those without a value as NAME */
	char **args;
	/* folders that WORKDIR has named and no step has made yet */
	char **folders;
};

struct secret {
	const char *id, *text;
	size_t size;
};

struct build {
	const char *file;
	struct containerfile parsed;
	struct context context;
	struct stage stages[STAGES_MAX];
	size_t nr_stages;
	/* --build-arg NAME=VALUE, and those that ARG has taken; ARG before the first FROM */
	char **given, **used, **globals;
	const char *net, *mem;
	uint64_t size; /* of --size, or 0 */
	bool no_cache, quiet;
	struct secret *secrets;
	size_t nr_secrets;
	/* instructions of all stages that are needed; those begun; steps not in the cache */
	unsigned int total, begun, made;
};

/* ---- plan.c ---- */

/* Finds stages and those that @target needs (NULL: the last one). Returns its number. */
size_t plan(struct build *b, const char *target);
/* Returns the number of the stage of a name or a number, among those before @before; or -1. */
int stage_find(const struct build *b, const char *name, size_t before);
/* Carries out ARG; @list gets NAME=VALUE. @globals: of ARG before FROM, or NULL. */
void arg_apply(struct build *b, const struct variables *v, char ***list, char *const *globals);
/* Returns a variable of a list, or NULL. */
const char *list_get(char *const *list, const char *name);

/* ---- source.c ---- */

/* Returns the image of FROM, COPY --from or --mount. Dies with a line if there is none. */
struct source source_of(struct build *b, const struct instruction *at, const char *name);

/* ---- perform.c ---- */

/* Carries out all of a stage. */
void stage_perform(struct build *b, size_t number);
struct variables stage_variables(const struct stage *s, const struct instruction *at);
/*
 * Ends the key of a step and returns true if its layer is in the cache; the stage continues from
 * it. Otherwise stage_made() makes the layer @key: the caller has set words, options and disks of
 * @st.
 */
bool stage_cached(struct build *b, struct stage *s, struct sha256 *sum, char key[65]);
/* Starts the step. The caller feeds st->in and calls stage_end(). */
void stage_begin(struct build *b, struct stage *s, const char *key, struct step *st);
/* Dies with a line unless it succeeded. */
void stage_end(struct build *b, struct stage *s, const char *key, struct step *st,
	const struct instruction *at);
/* Adds the words for the folders that are to be made. */
char **stage_folders(struct stage *s, char **words);
/* Makes a path absolute by the stage's working folder. */
char *stage_path(const struct stage *s, const char *path);

/* ---- files.c ---- */

void perform_copy(struct build *b, struct stage *s, size_t number, const struct instruction *at);

/* ---- mounts.c ---- */

/*
 * Reads the mounts of RUN: adds words and options for the agent and run, disks, and what counts for
 * the step's key.
 */
void mounts_read(struct build *b, struct stage *s, size_t number, const struct instruction *at,
	struct step *st, struct sha256 *sum);

/* ---- commit.c ---- */

/*
 * Returns the layer of an instance: of a detached one that does not run, which cannot start until
 * this process ends, or a copy in a temporary folder. Dies if there is none.
 */
struct layer instance_layer(const char *name);

/* ---- the commands, which nestctl-image runs ---- */

extern const struct command cmd_build, cmd_commit, cmd_diff, cmd_pull, cmd_build_step;
int build_image(int argc, char **argv);
int commit_instance(int argc, char **argv);
int diff_instance(int argc, char **argv);
int pull_image(int argc, char **argv);

#endif
