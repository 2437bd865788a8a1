/* SPDX-License-Identifier: MIT */
/*
 * build.h: `nestctl build`: the stages of a Containerfile, and the parts that carry them out.
 *
 *      build.c    options, and the result        plan.c     stages, and which of them are needed
 *      source.c   FROM: finds an image by name   perform.c  instructions
 *      files.c    COPY and ADD                   mounts.c   RUN --mount
 *
 * Memory is never freed, since each build is a process of its own. Every failure dies, with the
 * instruction in the message where there is one. Lists end in NULL, and NULL is an empty list.
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
/* layers in a chain at most; the kernel opens 16 */
#define DEPTH_MAX 12

/* An image as the start of a build: its files and its settings. */
struct source {
	struct layer layer;
	struct config config;
};

struct stage {
	/* @from: the FROM. [first, end): indices in parsed.list of the instructions that follow. */
	struct instruction *from;
	size_t first, end;
	/* name behind AS, compared without case; or NULL */
	const char *name;
	/*
	 * @image: the name behind FROM, expanded. @parent: number of the stage that it names, or
	 * -1.
	 */
	const char *image;
	int parent;
	bool needed, done;
	struct layer layer;
	struct config config;
	/* NAME=VALUE for each ARG that has a value */
	char **args;
	/* folders that WORKDIR has named and that no step has made yet */
	char **folders;
};

/* A --secret. @id: its name for RUN --mount. @text: the content, @size bytes. */
struct secret {
	const char *id, *text;
	size_t size;
};

/* A build with its options. */
struct build {
	const char *file;
	struct containerfile parsed;
	struct context context;
	struct stage stages[STAGES_MAX];
	size_t nr_stages;
	/*
	 * @given: NAME=VALUE from --build-arg. @used: names of these that an ARG has taken.
	 * @globals: NAME=VALUE from ARG before the first FROM.
	 */
	char **given, **used, **globals;
	/* NAME=VALUE from --label */
	char **labels;
	/* values of --network and --memory, or NULL */
	const char *net, *mem;
	uint64_t size; /* bytes from --size, or 0 */
	bool no_cache, quiet;
	struct secret *secrets;
	size_t nr_secrets;
	/*
	 * @total: instructions in all needed stages. @begun: instructions begun so far. @made:
	 * steps that the cache did not have.
	 */
	unsigned int total, begun, made;
};

/* ---- plan.c ---- */

/*
 * Finds all stages, and which of them @target needs (NULL: the last stage). Returns @target's
 * number.
 */
size_t plan(struct build *b, const char *target);
/* Returns the number of the stage @name, a name or number, below @before; -1 if there is none. */
int stage_find(const struct build *b, const char *name, size_t before);
/*
 * Carries out the ARG v->at: adds NAME=VALUE to *list for each name with a value. @globals: values
 * of ARG before FROM, or NULL.
 */
void arg_apply(struct build *b, const struct variables *v, char ***list, char *const *globals);
/* Returns the value of a variable in a list of NAME=VALUE, or NULL. */
const char *list_get(char *const *list, const char *name);

/* ---- source.c ---- */

/*
 * Returns the image that FROM, COPY --from or --mount names: "scratch", a path, a name of the
 * store, or an archive behind "oci:" and the like. Dies if there is none. @at: for messages.
 */
struct source source_of(struct build *b, const struct instruction *at, const char *name);

/* ---- perform.c ---- */

/* Carries out all instructions of the stage @number. Those on which it depends must be done. */
void stage_perform(struct build *b, size_t number);
/* Returns the variables of the stage for functions of words.h. @s and @at must stay valid. */
struct variables stage_variables(const struct stage *s, const struct instruction *at);
/*
 * Completes @sum into the step's @key, a terminated text. Returns true if the cache has the step's
 * layer, from which the stage then continues; never with --no-cache. Otherwise the caller sets
 * words, options and disks of a struct step, and makes the layer by stage_begin() and stage_end().
 */
bool stage_cached(struct build *b, struct stage *s, struct sha256 *sum, char key[65]);
/*
 * Starts a step that will make the layer @key. Sets st->on, ->layer and ->mem. The caller writes to
 * st->in and calls stage_end().
 */
void stage_begin(struct build *b, struct stage *s, const char *key, struct step *st);
/* Waits for the step. The stage continues from its layer. Dies if it failed. */
void stage_end(struct build *b, struct stage *s, const char *key, struct step *st,
	const struct instruction *at);
/*
 * Adds a word for the agent to @words for each of s->folders, and returns the list.
 */
char **stage_folders(struct stage *s, char **words);
/* Returns @path as an absolute path, relative to the stage's working folder. */
char *stage_path(const struct stage *s, const char *path);

/* ---- files.c ---- */

/* Carries out COPY or ADD of the stage @number. */
void perform_copy(struct build *b, struct stage *s, size_t number, const struct instruction *at);

/* ---- mounts.c ---- */

/*
 * Reads the --mount flags of RUN. Adds words for the agent, options for `nestctl run` and disks to
 * @st, and to @sum everything on which the step's result depends.
 */
void mounts_read(struct build *b, struct stage *s, size_t number, const struct instruction *at,
	struct step *st, struct sha256 *sum);

/* ---- commit.c ---- */

/*
 * Returns the layer of an instance, without a key, or the image of one that was never started. The
 * layer of a detached instance that does not run is used in place, and the instance cannot start
 * until this process ends. Any other layer is copied into a temporary folder. Dies if there is no
 * such instance.
 */
struct layer instance_layer(const char *name);

/* ---- the commands, which run in nestctl-image ---- */

extern const struct command cmd_build, cmd_commit, cmd_diff, cmd_pull, cmd_build_step;
/* Functions of these commands. They return the exit status, or die. */
int build_image(int argc, char **argv);
int commit_instance(int argc, char **argv);
int diff_instance(int argc, char **argv);
int pull_image(int argc, char **argv);

#endif
