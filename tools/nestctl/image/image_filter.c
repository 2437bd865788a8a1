/* SPDX-License-Identifier: MIT */
/* image_filter.c: see image_filter.h. */
#include "tools/nestctl/image/image_filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/param.h>
#include <sys/stat.h>

#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/image/image.h"

bool image_name_fits(const char *name, const char *pattern)
{
	const size_t n = strcspn(name, ":");

	if (!fnmatch(pattern, name, FNM_PATHNAME))
		return true;
	/* docker's default is the tag "latest" */
	if (!name[n])
		return !fnmatch(pattern, format("%s:latest", name), FNM_PATHNAME);
	return !fnmatch(pattern, format("%.*s", (int)n, name), FNM_PATHNAME);
}

static int64_t time_of(const char *text)
{
	const char *name = strchr(text, '=') + 1;
	struct stat st;

	if (stat(image_path(name), &st))
		die("--filter %s: %s", text, strerror(errno));
	return st.st_mtim.tv_sec * 1000000000L + st.st_mtim.tv_nsec;
}

static bool is(const char *text, const char *key)
{
	return !strncmp(text, key, strlen(key));
}

bool image_is_unnamed(const char *name)
{
	return is(name, "sha256:") && strlen(name) == 7 + 64 &&
	       strspn(name + 7, "0123456789abcdef") == 64;
}

/* True for dangling=true, which selects the images whose name is a digest. */
static bool wants_dangling(const char *text)
{
	const char *value = strchr(text, '=') + 1;

	if (!strcmp(value, "true") || !strcmp(value, "1"))
		return true;
	if (!strcmp(value, "false") || !strcmp(value, "0"))
		return false;
	die("--filter %s: expected true or false", text);
}

void image_filter_add(struct image_filter *f, const char *text)
{
	if (f->n == IMAGE_FILTERS_MAX)
		die("--filter: more than %d", IMAGE_FILTERS_MAX);
	if (is(text, "before="))
		f->before = f->before ? MIN(f->before, time_of(text)) : time_of(text);
	else if (is(text, "since="))
		f->since = MAX(f->since, time_of(text));
	else if (is(text, "dangling="))
		wants_dangling(text);
	else if (!is(text, "reference=") && !is(text, "label="))
		die("--filter %s: expected reference=, label=, before=, since= or dangling=", text);
	f->texts[f->n++] = text;
}

static bool has_label(const struct image_config *c, const char *wanted)
{
	const size_t n = strlen(wanted);

	for (const char **l = image_config_list(c, 'l'); *l; l++)
		if (!strcmp(*l, wanted) || (!strncmp(*l, wanted, n) && (*l)[n] == '='))
			return true;
	return false;
}

bool image_filter_fits(
	const struct image_filter *f, const char *name, const char *file, int64_t made)
{
	bool named = true, fits = true;
	struct image_config config = { .size = 0 };

	if ((f->before && made >= f->before) || (f->since && made <= f->since))
		return false;
	for (int i = 0; i < f->n && named; i++)
		named = !is(f->texts[i], "reference=");
	for (int i = 0; i < f->n; i++) {
		const char *value = strchr(f->texts[i], '=') + 1;

		if (is(f->texts[i], "reference="))
			named = named || image_name_fits(name, value);
		else if (is(f->texts[i], "dangling="))
			fits = fits && wants_dangling(f->texts[i]) == image_is_unnamed(name);
		else if (is(f->texts[i], "label=")) {
			if (!config.text)
				config = image_config_read(file);
			fits = fits && has_label(&config, value);
		}
	}
	return named && fits;
}
