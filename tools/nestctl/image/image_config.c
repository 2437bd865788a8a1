/* SPDX-License-Identifier: MIT */
/* image_config.c: reads and writes an image's settings; see image.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/image/image.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"

#define CONFIG_MAX (128 * 1024)

const char *image_config_path(const char *image)
{
	return format("%s.config", image);
}

struct image_config image_config_read(const char *image)
{
	const char *path = image_config_path(image);
	struct image_config c = { .size = 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 0;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return c;
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	c.text = xalloc(CONFIG_MAX + 1);
	while (c.size < CONFIG_MAX && (n = read(fd, c.text + c.size, CONFIG_MAX - c.size)) > 0)
		c.size += (size_t)n;
	if (n < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
	if (c.size == CONFIG_MAX || (c.size && c.text[c.size - 1]))
		die("%s: this is not what `nestctl image import` writes", path);
	return c;
}

bool image_config_is_ours(const char *image)
{
	int fd = open(image_config_path(image), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text = xalloc(CONFIG_MAX);
	ssize_t n = 0, size = 0;
	bool ours;

	if (fd < 0) {
		free(text);
		return errno == ENOENT || errno == ENOTDIR;
	}
	while (size < CONFIG_MAX && (n = read(fd, text + size, (size_t)(CONFIG_MAX - size))) > 0)
		size += n;
	ours = !n && (!size || !text[size - 1]);
	for (ssize_t at = 0; ours && at < size; at += (ssize_t)strlen(text + at) + 1)
		ours = text[at] >= 'a' && text[at] <= 'z';
	close(fd);
	free(text);
	return ours;
}

void image_config_must_be_ours(const char *image)
{
	if (!image_config_is_ours(image))
		die("%s: not an image's settings, so it is not replaced", image_config_path(image));
}

const char *image_config_get(const struct image_config *c, char letter)
{
	return image_config_list(c, letter)[0];
}

const char **image_config_list(const struct image_config *c, char letter)
{
	const char **list = xalloc((c->size / 2 + 1) * sizeof(*list));
	size_t n = 0;

	for (const char *p = c->text; p && p < c->text + c->size; p += strlen(p) + 1)
		if (*p == letter)
			list[n++] = p + 1;
	return list;
}

struct image_health image_config_health(const struct image_config *c)
{
	struct image_health health = { .test = image_config_list(c, 'h') };
	const struct {
		const char *name;
		uint64_t *value;
	} numbers[] = { { "interval=", &health.interval }, { "timeout=", &health.timeout },
		{ "start-period=", &health.start_period },
		{ "start-interval=", &health.start_interval }, { "retries=", &health.retries } };

	for (const char **s = image_config_list(c, 'i'); *s; s++)
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			if (!strncmp(*s, numbers[i].name, strlen(numbers[i].name)))
				*numbers[i].value =
					strtoull(*s + strlen(numbers[i].name), NULL, 10);
	return health;
}

void image_config_write(const char *image, const char *text, size_t size)
{
	const char *path = image_config_path(image);
	int fd;

	image_config_must_be_ours(image);
	if (size >= CONFIG_MAX)
		die("%s: more than %d bytes of environment and command", path, CONFIG_MAX);
	if (!size) {
		if (unlink(path) && errno != ENOENT)
			die("%s: %s", path, strerror(errno));
		return;
	}
	fd = output_open(path);
	write_all(fd, text, size, path);
	output_finish(fd, path, true);
}
