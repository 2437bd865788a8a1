/* SPDX-License-Identifier: MIT */
/*
 * source.c: finds an image by its name: scratch, an image of the store, or a path. A path may be an
 * image's file, an OCI layout, or an archive. A layout or an archive is imported once, into the
 * cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/build/build.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/cow/cow.h"
#include "tools/nestctl/image/image.h"

#define SCRATCH_SIZE (2ULL << 30)

/* Returns the text after @prefix, or the whole text without it. */
static const char *without_prefix(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) ? text : text + n;
}

const char *image_name_of(const char *name)
{
	static const char latest[] = ":latest";
	size_t n;

	name = without_prefix(without_prefix(name, "docker.io/"), "library/");
	name = without_prefix(name, "localhost/");
	n = strlen(name);
	if (n > sizeof(latest) - 1 && !strcmp(name + n - (sizeof(latest) - 1), latest))
		return format("%.*s", (int)(n - (sizeof(latest) - 1)), name);
	return name;
}

static struct source scratch(const struct build *b)
{
	return (struct source){ .layer = layer_scratch(b->size ? b->size : SCRATCH_SIZE) };
}

/* True if the file begins like an ext4 file system or a COW layer. */
static bool is_image(const char *path)
{
	unsigned char magic[2] = { 0 }, cow[8] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool is;

	if (fd < 0)
		return false;
	is = (pread(fd, magic, 2, 1024 + 56) == 2 && magic[0] == 0x53 && magic[1] == 0xef) ||
	     (pread(fd, cow, 4, 0) == 4 && (!memcmp(cow, "OOOM", 4) || !memcmp(cow, "MOOO", 4)));
	close(fd);
	return is || (!access(path, R_OK) && !image_is_raw(path));
}

/* Returns the image file of nestctl as a source. */
static struct source of_image(const char *file)
{
	const struct image_config c = image_config_read(file);
	struct source s = { .layer = layer_of_image(file), .config = config_of(&c) };

	/* author and comment describe the old image, not the new one */
	s.config.author = s.config.comment = NULL;
	return s;
}

/* Imports a layout or an archive into the cache, unless the cache has it. */
static struct source imported(const struct instruction *at, const char *path)
{
	const char *file;
	struct sha256 s;
	struct stat st;
	char key[65], *said;
	int fds[3], status;

	if (stat(path, &st) || (S_ISDIR(st.st_mode) && stat(format("%s/index.json", path), &st)))
		instruction_bad(at, "%s: %s", path, strerror(errno));
	key_begin(&s, "", "import");
	key_add(&s, realpath(path, NULL));
	key_add(&s, format("%lu %lu %ld.%ld", (unsigned long)st.st_ino, (unsigned long)st.st_size,
			    (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec));
	sha256_end(&s, key);
	file = cache_path(key, ".ext4");
	cache_note(file);
	if (!access(file, R_OK))
		return of_image(file);
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[1] = fds[2] = memfd_create("errors", MFD_CLOEXEC);
	status = wait_for(spawn(
		(const char *const[]){ nestctl_path, "image", "import", "--", path, file, NULL },
		fds));
	said = program_said(fds[2]);
	said[strcspn(said, "\n")] = '\0';
	close(fds[0]);
	close(fds[2]);
	if (status)
		instruction_bad(at, "%s", without_prefix(said, "nestctl: "));
	return of_image(file);
}

/* Returns the image, archive or layout at a path as a source. */
static struct source of_path(const struct instruction *at, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		instruction_bad(at, "%s: %s", path, strerror(errno));
	return S_ISREG(st.st_mode) && is_image(path) ? of_image(path) : imported(at, path);
}

struct source source_of(struct build *b, const struct instruction *at, const char *name)
{
	static const char *const kinds[] = { "oci:", "oci-archive:", "docker-archive:" };
	const char *own = image_name_of(name);

	if (!strcmp(name, "scratch"))
		return scratch(b);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strncmp(name, kinds[i], strlen(kinds[i])))
			return imported(at, name + strlen(kinds[i]));
	if (*name == '/' || *name == '.')
		return of_path(at, name);
	if (strchr(own, '/') || access(image_path(own), R_OK))
		instruction_bad(at,
			"there is no image %s; `nestctl pull %s` gets it where skopeo is, "
			"`nestctl tag IMAGE %s` names another one so",
			own, name, strrchr(own, '/') ? strrchr(own, '/') + 1 : own);
	return of_image(image_path(own));
}
