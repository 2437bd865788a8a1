/* SPDX-License-Identifier: MIT */
/* image_config.c: what an image says of its command; see image.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/image.h"
#include "tools/nestctl/nestctl.h"

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
	const char *path = image_config_path(image), *new = format("%s.%d", path, (int)getpid());
	int fd;

	if (size >= CONFIG_MAX)
		die("%s: more than %d bytes of environment and command", path, CONFIG_MAX);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		die("%s: %s", new, strerror(errno));
	ssize_t n = write(fd, text, size);

	if (n != (ssize_t)size || fsync(fd) || close(fd) || rename(new, path)) {
		int err = n < 0 || n == (ssize_t)size ? errno : ENOSPC;

		unlink(new);
		die("%s: %s", path, strerror(err));
	}
}
