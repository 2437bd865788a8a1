/* SPDX-License-Identifier: MIT */
/*
 * busybox.c: fills the small image: a static busybox, a link for each of its applets, and the few
 * files that it reads.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/image/ext4_image.h"
#include "tools/nestctl/core/nestctl.h"

static const char *const dirs[] = { "bin", "dev", "etc", "home", "lib", "mnt", "proc", "root",
	"run", "sbin", "sys", "tmp", "usr", "usr/bin", "usr/sbin", "var", "var/log", "var/tmp" };

static const struct {
	const char *path, *text;
} files[] = {
	{ "etc/passwd",
		"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n" },
	{ "etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n" },
	{ "etc/hostname", "nest\n" },
	{ "etc/hosts", "127.0.0.1 localhost\n" },
	{ "etc/profile", "export PS1='\\u@\\h:\\w\\$ '\n" },
	{ "etc/os-release", "PRETTY_NAME=\"busybox on Nestling\"\n" },
};

static void add_file(
	struct ext4_image *im, const char *path, mode_t mode, const void *data, size_t size)
{
	struct entry e = {
		.path = path, .mode = S_IFREG | mode, .size = size, .mtime = time(NULL)
	};

	ext4_image_add(im, &e);
	ext4_image_write(im, data, size, 0);
}

/* Dies unless the bytes are a static program. */
static void check_static(const char *name, const char *data, size_t size)
{
	const Elf64_Ehdr *eh = (const void *)data;
	const Elf64_Phdr *ph = (const void *)(data + (size > sizeof(*eh) ? eh->e_phoff : 0));

	if (size < sizeof(*eh) || memcmp(data, ELFMAG, SELFMAG) || eh->e_phoff > size ||
		eh->e_phnum > (size - eh->e_phoff) / sizeof(*ph))
		die("%s: not a 64-bit program", name);
	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_INTERP)
			die("%s: not a static program; install busybox-static", name);
}

static void add_busybox(struct ext4_image *im, const char *busybox)
{
	int fd = open(busybox, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die("%s: %s", busybox, strerror(errno));
	char *data = xalloc(st.st_size);

	if (read(fd, data, st.st_size) != st.st_size)
		die("%s: cannot read it", busybox);
	close(fd);
	check_static(busybox, data, st.st_size);
	add_file(im, "bin/busybox", 0755, data, st.st_size);
}

static void add_applets(struct ext4_image *im, const char *busybox)
{
	FILE *list = popen(format("'%s' --list-full", busybox), "r");
	char line[256];

	while (list && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		struct entry e = { .path = line,
			.mode = S_IFLNK | 0777,
			.symlink = "/bin/busybox",
			.mtime = time(NULL) };

		if (*line && strcmp(line, "bin/busybox"))
			ext4_image_add(im, &e);
	}
	if (!list || pclose(list))
		die("%s --list-full failed", busybox);
}

void busybox_populate(struct ext4_image *im, const char *busybox)
{
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		struct entry e = { .path = dirs[i], .mode = S_IFDIR | 0755, .mtime = time(NULL) };

		if (!strcmp(dirs[i], "tmp") || !strcmp(dirs[i], "var/tmp"))
			e.mode = S_IFDIR | S_ISVTX | 0777;
		if (!strcmp(dirs[i], "root"))
			e.mode = S_IFDIR | 0700;
		ext4_image_add(im, &e);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		add_file(im, files[i].path, 0644, files[i].text, strlen(files[i].text));
	add_busybox(im, busybox);
	add_applets(im, busybox);
}
