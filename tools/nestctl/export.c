/* SPDX-License-Identifier: MIT */
/*
 * export.c: `nestctl image export`: an instance over a throw-away layer packs its own root, which needs no root here, replays the
 * file system's journal, and takes a COW layer as well as an image.
 *
 * The root is bound a second time, onto /sys, where nothing that init mounted covers it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/command.h"
#include "tools/nestctl/image.h"
#include "tools/nestctl/nestctl.h"
#include "tools/nestctl/output.h"
#include "tools/nestctl/progress.h"

/* GNU's tar keeps extended attributes and holes; busybox's knows neither. */
static const char script[] =
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; set -f; x=\n"
	"mount -o bind / /sys && cd /sys || exit 1\n"
	"rmdir lost+found 2>/dev/null # in the layer that is thrown away\n"
	"case $(tar --version 2>&1) in *GNU*) x='--xattrs --xattrs-include=* --numeric-owner "
	"--sparse';; esac\n"
	"exec tar $x -cf - .";

/* A bar, as far as it can be told: the archive is about as large as what the image has on the disk. */
static void watch(pid_t pid, int fd, const char *image)
{
	struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	struct stat st, from;
	siginfo_t info = { 0 };
	uint64_t total = stat(image, &from) ? 0 : (uint64_t)from.st_blocks * 512;

	if (!isatty(2) || fd < 0 || !total)
		return;
	while (!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid) {
		if (!fstat(fd, &st))
			progress("export",
				(uint64_t)st.st_size < total ? (uint64_t)st.st_size : total, total);
		nanosleep(&pause, NULL);
	}
	progress_end();
}

/* Without "nestctl: ", which die() puts there. */
static const char *last_line(char *text)
{
	size_t n = strlen(text);
	char *line;

	text[n - (text[n - 1] == '\n')] = '\0';
	line = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
	return strncmp(line, "nestctl: ", 9) ? line : line + 9;
}

static int image_export(int argc, char **argv)
{
	const char *out = NULL, *image;
	int fd = -1, status;
	char *said;
	pid_t pid;

	for (int key; (key = next_option(&cmd_image_export, argc, argv));)
		out = optarg;
	image = image_path(take_words(&cmd_image_export, argc, argv, 1, 1)[0]);
	if (access(image, R_OK))
		die("%s: %s", image, strerror(errno));
	if (!out && isatty(1))
		die("image export: standard output is a terminal; -o FILE?");
	if (out && !access(out, F_OK))
		die("%s: %s", out, strerror(EEXIST));
	if (out)
		fd = output_open(out);
	clean_up_when_ended();
	const char *const run[] = { "/proc/self/exe", "run", "--bare", "-T", "--net", "none", "--",
		image, "sh", "-c", script, NULL };
	const int fds[3] = { open("/dev/null", O_RDONLY | O_CLOEXEC), fd,
		memfd_create("errors", MFD_CLOEXEC) };

	pid = spawn(run, fds);
	watch(pid, fd, image);
	status = wait_for(pid);
	said = program_said(fds[2]);
	if (status)
		die("%s: not exported: %s", image,
			*said ? last_line(said) :
				format("its sh, mount and tar ended with status %d", status));
	fputs(said, stderr);
	if (out)
		output_finish(fd, out, false);
	return 0;
}

static const struct option_row options[] = {
	{ 'o', "output", "FILE", "where the tar goes, instead of standard output" },
	{ 0 },
};

const struct command cmd_image_export = {
	.name = "image export",
	.args = "IMAGE",
	.help = "Writes a root tarball of an image.",
	.text = "An instance over a copy-on-write layer that is thrown away packs its own files, "
		"with the image's sh, mount and tar: no root is needed, and IMAGE may be a "
		"copy-on-write layer too. Nothing is written to it. GNU tar keeps extended "
		"attributes and "
		"holes, that of busybox does not.\n\nFILE appears when it is complete; one that is "
		"there is not replaced.\n\n\tnestctl image export debian | zstd >debian.tar.zst\n"
		"\tnestctl run --keep work.cow debian; nestctl image export ./work.cow -o work.tar",
	.options = options,
	.run = image_export,
};
