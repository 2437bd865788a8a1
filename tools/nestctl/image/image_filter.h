/* SPDX-License-Identifier: MIT */
/* image_filter.h: the option --filter of listings of images, with docker's keys. */
#ifndef NESTLING_NESTCTL_IMAGE_FILTER_H
#define NESTLING_NESTCTL_IMAGE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#define IMAGE_FILTERS_MAX 32

/* The filters of one listing; all zeros: none. */
struct image_filter {
	/* @texts[0] to @texts[@n - 1]: as given to image_filter_add() */
	const char *texts[IMAGE_FILTERS_MAX];
	int n;
	/* select images made before @before and after @since, in ns since 1970; 0: any */
	int64_t before, since;
};

/*
 * Adds reference=PATTERN, label=NAME[=VALUE], before=IMAGE, since=IMAGE or dangling=BOOL. @text
 * must stay valid. Dies if it is none of these, if IMAGE does not exist, or if there are too many
 * filters.
 */
void image_filter_add(struct image_filter *f, const char *text);
/*
 * True if the image @name matches one of the patterns and all other filters. @file: the path of the
 * image, beside which its settings are. @made: ns since 1970.
 */
bool image_filter_fits(
	const struct image_filter *f, const char *name, const char *file, int64_t made);
/* True if @name is a digest, which nestctl build gives to an image without -t: "dangling". */
bool image_is_unnamed(const char *name);
/*
 * True if the name, or the name without its tag, matches docker's pattern, which has * ? and [a-z]
 * that match no slash. A name without a tag has the tag "latest".
 */
bool image_name_fits(const char *name, const char *pattern);

#endif
