/* SPDX-License-Identifier: MIT */
/* flame.h: a tree of stacks, and its picture as a self-contained SVG file. */
#ifndef NESTLING_NESTCTL_FLAME_H
#define NESTLING_NESTCTL_FLAME_H

#include <stdio.h>

struct flame {
	char *name;
	unsigned long long count; /* samples of the node and its children */
	/* @child: first child, or NULL. @next: next child of the parent, or NULL. */
	struct flame *child, *next;
};

/*
 * Returns the child called @name, which is made if needed, and is never freed. Adds @count to its
 * samples. @name is copied.
 */
struct flame *flame_add(struct flame *parent, const char *name, unsigned long long count);
/* Writes the picture with @title at the top. @root's count is its whole width. */
void flame_write(FILE *out, const struct flame *root, const char *title);

#endif
