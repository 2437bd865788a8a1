/* SPDX-License-Identifier: MIT */
/*
 * template.h: templates of `nestctl run`: states of instances whose built-in init waits for its job
 * (docs/state.md). A template is a folder of the store, named by a hash of its key, with the files
 * of a state except state.json, and two of its own:
 *
 *	key     a text that a run's key must equal to start from it, see template.c
 *	fault   the reason why the template cannot be made; the folder then has no state
 */
#ifndef NESTLING_NESTCTL_TEMPLATE_H
#define NESTLING_NESTCTL_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct run;

/* ---- template.c ---- */

/*
 * Sets r->key, and r->template to the locked template if there is one, else -1. Sets r->key to NULL
 * if the run cannot use a template. Never dies.
 */
void template_find(struct run *r);
/*
 * Returns the key of a run, in memory that is never freed, or NULL if the run cannot use a
 * template. Dies on an error.
 */
const char *template_key(const struct run *r);
/*
 * True for a parameter about the instance's place on the host, such as its name. A restore may
 * replace it.
 */
bool template_is_place(const char *param);
/*
 * Starts the kernel from the template, and waits until init has its job. Closes r->template and
 * sets it to -1. Returns the kernel's process, or 0 if that failed and the run has to boot.
 */
pid_t template_start(struct run *r);

/* ---- template_make.c ---- */

/*
 * Makes the template of a run in a child process, if there is room and no other process makes one.
 * @wait: waits for the child, else the child goes on alone. Never dies.
 */
void template_make(const struct run *r, bool wait);

/* ---- template_store.c ---- */

/* Returns the path of the folder for a key, which need not exist. The text is never freed. */
const char *template_folder(const char *key);
/*
 * Returns a line about the file that changes when the file is changed or replaced, in memory that
 * is never freed. Returns NULL with errno.
 */
const char *template_file_line(const char *path);
/*
 * Returns the host's boot id in static memory, which changes when the host boots. Returns "" if it
 * is unknown.
 */
const char *template_host(void);
/*
 * Opens the template of a key and records the time of its use. Returns a descriptor of its folder
 * for the caller to close. Processes that would remove the folder find it locked while the
 * descriptor is open. Returns -1 if there is none; *fault is then true if a recent attempt to make
 * it failed.
 */
int template_open(const char *key, bool *fault);
/* Removes the template in @folder, unless a process uses it. Errors are ignored. */
void template_remove(const char *folder);
/* Removes templates that no run can use any more, and those beyond the limits. */
void templates_prune(void);

/*
 * A template for listings: its folder, the path of its image, and the reason why it cannot be made.
 */
struct template_row {
	const char *folder, *image;
	/* @disk: bytes on the disk. @used: time of the last use, in seconds since 1970. */
	uint64_t disk, used;
	const char *fault; /* or NULL */
};
/*
 * Returns all templates, the most recently used first, in an array that the caller frees. *count:
 * their number, which may be 0. The texts are never freed.
 */
struct template_row *templates_list(size_t *count);

/* ---- template_list.c ---- */

/* Prints a table or a JSON list of all templates. */
void templates_show(bool json);
/* Removes all templates that no process uses. */
void templates_remove_all(void);

#endif
