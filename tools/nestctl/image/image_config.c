/* SPDX-License-Identifier: MIT */
/* image_config.c: an image's settings for its command; see image.h. */
#include <errno.h>
#include <fcntl.h>
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
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return c;
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	c.text = xalloc(CONFIG_MAX + 1);
	while (c.size < CONFIG_MAX && (n = read(fd, c.text + c.size, CONFIG_MAX - c.size)) > 0)
		c.size += (size_t)n;
	close(fd);
	if (c.size == CONFIG_MAX || (c.size && c.text[c.size - 1]))
		die("%s: this is not what `nestctl image import` writes", path);
	return c;
}

void image_config_write(const char *image, const char *text, size_t size)
{
	const char *path = image_config_path(image);
	int fd;

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
