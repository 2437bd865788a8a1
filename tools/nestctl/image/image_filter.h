/* SPDX-License-Identifier: MIT */
/* image_filter.h: --filter of the listings of images, with docker's keys. */
#ifndef NESTLING_NESTCTL_IMAGE_FILTER_H
#define NESTLING_NESTCTL_IMAGE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#define IMAGE_FILTERS_MAX 32

/* Filters of one listing; all zeros: none. */
struct image_filter {
	const char *texts[IMAGE_FILTERS_MAX];
	int n;
	/* an image fits if it was made before, and after, these times: ns since 1970, or 0 */
	int64_t before, since;
};

/*
 * Adds reference=PATTERN, label=NAME[=VALUE], before=IMAGE, since=IMAGE or dangling=BOOL. Dies on
 * another text, and if there is no such image.
 */
void image_filter_add(struct image_filter *f, const char *text);
/*
 * True if the image fits: one of the patterns, and all of the rest. @file has its settings beside
 * it; @made: ns since 1970.
 */
bool image_filter_fits(
	const struct image_filter *f, const char *name, const char *file, int64_t made);
/* True if the name, alone or with its tag, is one of docker's pattern: * ? and [a-z], no slash. */
bool image_name_fits(const char *name, const char *pattern);

#endif
