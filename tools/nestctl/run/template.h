/* SPDX-License-Identifier: MIT */
/*
 * template.h: templates of `nestctl run`: states of instances whose built-in init waits for its job
 * (docs/state.md). A template is a folder of the store, named by a hash of its key, with the files
 * of a state but state.json, and two of its own:
 *
 *	key     what must agree for a run to start from it: a text, see template.c
 *	fault   why none can be made: the folder has no state then
 */
#ifndef NESTLING_NESTCTL_TEMPLATE_H
#define NESTLING_NESTCTL_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct run;

/* ---- template.c ---- */

/* Says whether this run may start from a template, and looks for it. Never dies. */
void template_find(struct run *r);
/* Returns the key of a run, or NULL if it can have no template. */
const char *template_key(const struct run *r);
/* True for a parameter that a restore may be given: it says where an instance is. */
bool template_is_place(const char *param);
/*
 * Starts the kernel from the template, and waits until init has its job. Returns the kernel's
 * process, or 0: the template is gone, and the run has to boot.
 */
pid_t template_start(struct run *r);

/* ---- template_make.c ---- */

/*
 * Makes the template of a run, if there is room and no other process makes one, in a process of its
 * own. @wait: until it is done. Never dies.
 */
void template_make(const struct run *r, bool wait);

/* ---- template_store.c ---- */

/* Returns the folder of a key, which need not exist. */
const char *template_folder(const char *key);
/* Returns a line that differs once a file is changed or replaced; NULL with errno. */
const char *template_file_line(const char *path);
/* Returns a word that changes when the host boots. */
const char *template_host(void);
/*
 * Opens the template of a key and notes its use. The folder stays locked for readers while the
 * descriptor is open. -1: there is none, with *@fault set if none can be made.
 */
int template_open(const char *key, bool *fault);
/* Removes a template, unless a process uses it. */
void template_remove(const char *folder);
/* Removes templates that no run can use any more, and those beyond the bounds. */
void templates_prune(void);

struct template_row {
	const char *folder, *image;
	uint64_t disk, used; /* bytes; seconds since 1970 */
	const char *fault;   /* or NULL */
};
/* Returns all templates, the last used first. */
struct template_row *templates_list(size_t *count);

/* ---- template_list.c ---- */

void templates_show(bool json);
/* Removes all templates that no process uses. */
void templates_remove_all(void);

#endif
