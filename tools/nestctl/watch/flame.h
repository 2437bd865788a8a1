/* SPDX-License-Identifier: MIT */
/* flame.h: a tree of stacks, and its picture as one self-contained SVG file. */
#ifndef NESTLING_NESTCTL_FLAME_H
#define NESTLING_NESTCTL_FLAME_H

#include <stdio.h>

struct flame {
	char *name;
	unsigned long long count; /* samples of this node and below */
	struct flame *child, *next;
};

/* Returns the child of that name, made if needed, and adds @count to its samples. */
struct flame *flame_add(struct flame *parent, const char *name, unsigned long long count);
/* Writes the picture with @title on top; @root's count is the whole width. */
void flame_write(FILE *out, const struct flame *root, const char *title);

#endif
