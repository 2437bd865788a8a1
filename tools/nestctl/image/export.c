/* SPDX-License-Identifier: MIT */
/*
 * export.c: `nestctl image export`: an instance over a temporary layer packs its own root into a
 * tar. So the host's root is not needed, the file system's journal is replayed, and a COW layer
 * works like an image.
 *
 * The tar is made from a second bind mount of the root, at /sys, over which init has mounted
 * nothing.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/nestctl/build/oci_write.h"
#include "tools/nestctl/image/blob.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/image/archive.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/core/word_list.h"

/* GNU's tar keeps extended attributes and holes, busybox's does not. */
static const char script[] =
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; set -f; x=\n"
	"mount -o bind / /sys && cd /sys || exit 1\n"
	"rmdir lost+found 2>/dev/null # in the layer that is thrown away\n"
	"case $(tar --version 2>&1) in *GNU*) x='--xattrs --xattrs-include=* --numeric-owner "
	"--sparse';; esac\n"
	"exec tar $x -cf - .";

int (*filter_for(const char *path))(struct archive *)
{
	static const struct {
		const char *end;
		int (*add)(struct archive *);
	} filters[] = {
		{ ".gz", archive_write_add_filter_gzip },
		{ ".tgz", archive_write_add_filter_gzip },
		{ ".bz2", archive_write_add_filter_bzip2 },
		{ ".xz", archive_write_add_filter_xz },
		{ ".txz", archive_write_add_filter_xz },
		{ ".zst", archive_write_add_filter_zstd },
	};
	size_t n = strlen(path);

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		size_t len = strlen(filters[i].end);

		if (n > len && !strcmp(path + n - len, filters[i].end))
			return filters[i].add;
	}
	return NULL;
}

/* Dies with libarchive's error. */
static void not_written(const char *out, struct archive *a)
{
	int err = archive_errno(a);

	die("%s: %s", out, err > 0 ? strerror(err) : archive_why(a));
}

/* Compresses the bytes from the pipe @from into @fd. libarchive gets them as a "raw" stream. */
static void compress(
	int from, int fd, const char *out, int (*add)(struct archive *), uint64_t total)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	size_t size = 1 << 16;
	char *buf = xalloc(size);
	uint64_t done = 0;
	ssize_t n;

	if (!a || !e)
		die("image export: no memory");
	archive_entry_set_filetype(e, AE_IFREG);
	archive_write_set_format_raw(a);
	archive_write_set_bytes_in_last_block(a, 1); /* no padding */
	if (add(a) < ARCHIVE_WARN || archive_write_open_fd(a, fd) || archive_write_header(a, e))
		not_written(out, a);
	while ((n = read(from, buf, size)) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0 && archive_write_data(a, buf, (size_t)n) != n)
			not_written(out, a);
		done += n > 0 ? (uint64_t)n : 0;
		if (total)
			progress("export to", out, done < total ? done : total, total);
	}
	if (archive_write_close(a))
		not_written(out, a);
	progress_end();
	archive_entry_free(e);
	archive_write_free(a);
	free(buf);
}

/*
 * Shows a progress bar, which is an estimate: the archive is about as large as the image's data on
 * the disk.
 */
static void watch(pid_t pid, int fd, uint64_t total)
{
	struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	struct stat st;
	siginfo_t info = { 0 };

	if (!isatty(2) || fd < 0 || !total)
		return;
	while (!waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid) {
		if (!fstat(fd, &st))
			progress("export", NULL,
				(uint64_t)st.st_size < total ? (uint64_t)st.st_size : total, total);
		nanosleep(&pause, NULL);
	}
	progress_end();
}

#define OUTPUT "standard output: " /* how `nestctl run` names it */

/* Returns the last line of @text without "nestctl: ", which die() will add. */
static const char *last_line(char *text)
{
	size_t n = strlen(text);
	char *line;

	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	line = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
	return strncmp(line, "nestctl: ", 9) ? line : line + 9;
}

/* Dies with the last message in @said, in which @out replaces "standard output". */
static __attribute__((noreturn)) void not_exported(
	const char *image, const char *out, char *said, int status)
{
	static const char stream[] = "standard output: ";
	const char *why = *said ? last_line(said) : "";

	if (out && !strncmp(why, stream, sizeof(stream) - 1))
		die("%s: %s", out, why + sizeof(stream) - 1);
	die("%s: not exported: %s", image,
		*why ? why : format("its sh, mount and tar ended with status %d", status));
}

/* Writes an OCI archive that includes the image's settings. */
static void export_oci(const char *image, const char *name, const char *out)
{
	const struct image_config settings = image_config_read(image);
	const struct oci_image whole = { .layer = { .file = realpath(image, NULL) },
		.config = config_of(&settings),
		.names = words_add(NULL, format("%s", name)) };

	if (!whole.layer.file)
		die("%s: %s", image, strerror(errno));
	if (!out)
		die("image export: --oci needs -o FILE");
	oci_write(&whole, 1, out, false);
}

int image_export(int argc, char **argv)
{
	const char *out = NULL, *image, *name;
	bool oci = false;
	int (*add)(struct archive *) = NULL;
	int fd = -1, status, ends[2] = { -1, -1 };
	struct stat from;
	uint64_t total;
	char *said;
	pid_t pid;

	for (int key; (key = next_option(&cmd_image_export, argc, argv));)
		if (key == 'o')
			out = optarg;
		else
			oci = true;
	name = take_words(&cmd_image_export, argc, argv, 1, 1)[0];
	image = image_path(name);
	if (access(image, R_OK))
		die("%s: %s", image, strerror(errno));
	if (!out && isatty(1))
		die("image export: standard output is a terminal; -o FILE?");
	if (out && !access(out, F_OK))
		die("%s: %s", out, strerror(EEXIST));
	if (oci) {
		export_oci(image, name, out);
		return 0;
	}
	if (out) {
		fd = output_open(out);
		output_by_umask(fd);
		add = filter_for(out);
	}
	if (add && pipe2(ends, O_CLOEXEC))
		die("image export: %s", strerror(errno));
	total = stat(image, &from) ? 0 : (uint64_t)from.st_blocks * 512;
	clean_up_when_ended();
	const char *const run[] = { nestctl_path, "run", "--bare", "--as-is", "-T", "--net", "none",
		"--", image, "sh", "-c", script, NULL };
	const int fds[3] = { open("/dev/null", O_RDONLY | O_CLOEXEC), add ? ends[1] : fd,
		memfd_create("errors", MFD_CLOEXEC) };

	pid = spawn(run, fds);
	if (add) {
		close(ends[1]);
		compress(ends[0], fd, out, add, total);
		close(ends[0]);
	} else {
		watch(pid, fd, total);
	}
	status = wait_for(pid);
	said = program_said(fds[2]);
	if (status && out && !strncmp(last_line(said), OUTPUT, strlen(OUTPUT)))
		die("%s: %s", out, last_line(said) + strlen(OUTPUT));
	if (status)
		not_exported(image, out, said, status);
	put_plain(stderr, said);
	if (out)
		output_finish(fd, out, false);
	return 0;
}
