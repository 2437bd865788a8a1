/* SPDX-License-Identifier: MIT */
/*
 * snapshot.c: `nestctl snapshot`: copies the disks of a running instance. The command "snapshot" of
 * its management console (drivers/mconsole/snapshot.c) keeps the disks consistent meanwhile. For
 * each disk the writable file is copied, and backing files stay where they are. If a save has put
 * that file over parts with earlier changes of the disk (drivers/ubd/part_host.h), they are merged
 * into one copy.
 *
 * Files are opened through the kernel's descriptors (/proc/PID/fd/FD), since the layer of `nestctl
 * run` has no name. A socket is sent with the request. When nestctl ends, even by SIGKILL, the
 * socket closes and the instance ends the hold. A copy gets its name only after the instance has
 * confirmed that the hold lasted all the time.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers/ubd/chain_host.h"
#include "drivers/ubd/part_host.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/instance.h"
#include "tools/nestctl/core/json.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/progress.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/cow/cow.h"

#define HOLD 3600     /* seconds at most; a closed socket ends it */
#define REST_MS 60000 /* a guest may first write much to its disk */
#define DISKS_MAX 16
#define PIECE (1U << 20)

/* A disk that is written to. */
struct disk {
	const char *unit, *format;
	const char *backing; /* the backing file, or NULL */
	int backing_fd;      /* its descriptor in the kernel process */
	int kernel_fd;       /* descriptor in the kernel process */
	/* the parts below the file: their descriptors in the kernel process */
	int parts[IMAGE_DEPTH], nr_parts;
	const char *out;
	int from, to;        /* descriptors here: file, copy */
	uint64_t size, done; /* bytes of the file; bytes copied */
	bool cloned;
};
/* A snapshot. @id: names the hold in commands. */
struct snapshot {
	struct instance in;
	struct umid_console console;
	int line; /* nestctl's end of the socket */
	const char *id;
	struct disk disks[DISKS_MAX];
	size_t count;
	struct timespec begun;
	double held; /* seconds that the hold lasted */
};

/* ---- the instance ---- */

/*
 * Sends a command with @n descriptors and returns the reply. Dies if there is none or it is an
 * error. If the reply says that the hold of an earlier nestctl is about to end, tries again every
 * 50 ms, for half a minute at most.
 */
static char *ask(struct snapshot *s, const char *command, const int *fds, size_t n)
{
	char *text;
	size_t len;
	int err, tries = 600;

	while ((text = umid_ask_with(&s->console, command, fds, n, &err, &len)) && tries-- && err &&
		strstr(text, "about to end (")) {
		free(text);
		usleep(50000);
	}
	if (!text)
		die("%s: no answer", s->in.name);
	if (err)
		die("%s: %s", s->in.name, text);
	return text;
}

/* Reads a line "fs DEVICE TYPE STATE". Warns if the file system could not be frozen. */
static void note_fs(const char *line)
{
	char dev[64], type[64], state[64];

	if (sscanf(line, "fs %63s %63s %63s", dev, type, state) == 3 && !strcmp(state, "synced"))
		warn("%s: %s cannot be frozen: it was written out, and its copy may be in the "
		     "midst of a change",
			dev, type);
}

/*
 * Reads a line "file UNIT DEPTH ro|rw|part FORMAT FD NAME" about a file of a disk: the writable
 * one, which comes first, a part below it, or the first file below these, which is the backing
 * file.
 */
static void note_file(struct snapshot *s, const char *line)
{
	char unit[16], mode[8], format_name[8];
	struct disk *d = s->count ? &s->disks[s->count - 1] : NULL;
	unsigned int depth;
	int fd, at = 0;

	if (sscanf(line, "file %15s %u %7s %7s %d %n", unit, &depth, mode, format_name, &fd, &at) <
			5 ||
		!at)
		die("%s: unexpected answer '%s'", s->in.name, line);
	if (!depth && !strcmp(mode, "rw") && s->count < DISKS_MAX)
		s->disks[s->count++] = (struct disk){ .unit = format("%s", unit),
			.format = format("%s", format_name),
			.kernel_fd = fd };
	else if (!strcmp(mode, "part") && d && !strcmp(d->unit, unit) && d->nr_parts < IMAGE_DEPTH)
		d->parts[d->nr_parts++] = fd;
	else if (d && !strcmp(d->unit, unit) && depth == (unsigned int)d->nr_parts + 1) {
		d->backing = format("%s", line + at);
		d->backing_fd = fd;
	}
}

/* Makes the instance hold its disks, and fills s->disks. */
static void begin(struct snapshot *s)
{
	int pair[2];
	char *text, *save;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair: %s", strerror(errno));
	s->line = pair[0];
	umid_connect(&s->console, s->in.folder);
	s->console.wait_ms = REST_MS;
	text = ask(s, format("snapshot begin %d", HOLD), &pair[1], 1);
	clock_gettime(CLOCK_MONOTONIC, &s->begun);
	close(pair[1]);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "id ", 3))
			s->id = format("%.*s", (int)strcspn(line + 3, " "), line + 3);
		else if (!strncmp(line, "fs ", 3))
			note_fs(line);
		else if (!strncmp(line, "file ", 5))
			note_file(s, line);
	}
	free(text);
	if (!s->id)
		die("%s: it does not describe its snapshot", s->in.name);
}

/* Ends the hold. Dies if the instance does not confirm that the disks were held all the time. */
static void end(struct snapshot *s)
{
	struct timespec now;

	free(ask(s, format("snapshot end %s", s->id), NULL, 0));
	clock_gettime(CLOCK_MONOTONIC, &now);
	s->held = (double)(now.tv_sec - s->begun.tv_sec) +
		  (double)(now.tv_nsec - s->begun.tv_nsec) / 1e9;
	close(s->line);
	close(s->console.fd);
}

/* ---- sources and targets ---- */

/* Keeps only the disk @only, unless it is NULL. Dies if none is left. */
static void choose(struct snapshot *s, const char *only)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		if (!only || !strcmp(s->disks[i].unit, only))
			s->disks[n++] = s->disks[i];
	s->count = n;
	if (!n && only)
		die("%s: no disk %s that is written to", s->in.name, only);
	if (!n)
		die("%s: no disk is written to", s->in.name);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Sets the copies' paths: @out, or files in the folder @out. Dies if one exists. */
static void name_outputs(struct snapshot *s, const char *out)
{
	bool folder = is_folder(out);
	struct stat st;

	if (!folder && s->count > 1)
		die("%s: %zu disks are written to: -o needs a folder that is there, or --disk one "
		    "of them",
			s->in.name, s->count);
	for (size_t i = 0; i < s->count; i++) {
		struct disk *d = &s->disks[i];

		d->out = folder ? format("%s/%s-%s.%s", out, s->in.name, d->unit,
					  strcmp(d->format, "raw") ? "cow" : "img") :
				  out;
		if (!lstat(d->out, &st))
			die("%s: %s", d->out, strerror(EEXIST));
	}
}

/* ---- copying ---- */

/* Opens the file of a disk and its copy. */
static void open_files(struct snapshot *s, struct disk *d)
{
	off_t size;

	d->from =
		open(format("/proc/%d/fd/%d", (int)s->in.pid, d->kernel_fd), O_RDONLY | O_CLOEXEC);
	if (d->from < 0)
		die("%s: %s: %s", s->in.name, d->unit, strerror(errno));
	size = lseek(d->from, 0, SEEK_END);
	if (size < 0)
		die("%s: %s: %s", s->in.name, d->unit, strerror(errno));
	d->size = (uint64_t)size;
	d->to = output_open(d->out);
}

static bool all_zeros(const char *p, size_t n)
{
	return !p[0] && !memcmp(p, p + 1, n - 1);
}

/* Copies @n bytes at @off, at most the size of @buf, unless they are zeros. */
static void copy_piece(struct disk *d, uint64_t off, size_t n, char *buf)
{
	ssize_t got = pread(d->from, buf, n, (off_t)off);

	if (got != (ssize_t)n)
		die("%s: %s", d->unit, got < 0 ? strerror(errno) : "its file has become shorter");
	if (all_zeros(buf, n))
		return;
	for (size_t done = 0; done < n;) {
		ssize_t put = pwrite(d->to, buf + done, n - done, (off_t)(off + done));

		if (put < 0 && errno != EINTR)
			die("%s: %s", d->out, strerror(errno));
		done += put > 0 ? (size_t)put : 0;
	}
	d->done += n;
}

/* Copies the data between holes, or everything if the host does not report holes. */
static void copy_sparse(struct disk *d)
{
	char *buf = xalloc(PIECE);
	uint64_t off = 0;

	if (ftruncate(d->to, (off_t)d->size))
		die("%s: %s", d->out, strerror(errno));
	while (off < d->size) {
		off_t data = lseek(d->from, (off_t)off, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;
		off = data < 0 ? off : (uint64_t)data;
		hole = lseek(d->from, (off_t)off, SEEK_HOLE);
		for (uint64_t stop = hole < 0 ? d->size : (uint64_t)hole; off < stop;) {
			size_t n = stop - off < PIECE ? (size_t)(stop - off) : PIECE;

			copy_piece(d, off, n, buf);
			off += n;
			progress("snapshot", d->out, off, d->size);
		}
	}
	free(buf);
	progress_end();
}

/* Opens the file @fd as a layer, with flags IMAGE_*. Dies on an error. */
static struct layer *open_layer(struct disk *d, int fd, uint32_t flags)
{
	char why[600];
	struct layer *l = layer_open_fd(fd, d->out, flags | IMAGE_SHARED, why, sizeof(why));

	if (!l)
		die("%s", why);
	return l;
}

/*
 * Gives the copy its name. Records its backing file as the user's choice only if the instance
 * really has that file open, since an instance may claim any name.
 */
static void finish(const struct snapshot *s, const struct disk *d)
{
	struct stat held, named;

	output_finish(d->to, d->out, false);
	if (d->backing && !stat(d->backing, &named) &&
		!stat(format("/proc/%d/fd/%d", (int)s->in.pid, d->backing_fd), &held) &&
		named.st_dev == held.st_dev && named.st_ino == held.st_ino)
		layer_remember(d->out, d->backing);
}

/* Merges the file and its parts into the copy. */
static void merge(const struct snapshot *s, struct disk *d)
{
	struct layer *first = open_layer(d, d->from, IMAGE_RDONLY), *last = first, *to;
	int err;

	if (!d->backing)
		die("%s: %s: its changes are over no file", s->in.name, d->unit);
	for (int i = 0; i < d->nr_parts; i++) {
		int fd = open(format("/proc/%d/fd/%d", (int)s->in.pid, d->parts[i]),
			O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			die("%s: %s: %s", s->in.name, d->unit, strerror(errno));
		last->below = open_layer(d, fd, IMAGE_RDONLY);
		last = last->below;
	}
	write_empty(d->to, d->out, d->backing, FORMAT_NONE, 0);
	to = open_layer(d, fcntl(d->to, F_DUPFD_CLOEXEC, 3), 0);
	err = part_merge(first, last, to);
	if (!err && to->ops->seal)
		err = to->ops->seal(to);
	if (err)
		die("%s: %s", d->out, strerror(-err));
	layer_close(to, false);
	layer_close(first, false);
}

static void copy(const struct snapshot *s, struct disk *d)
{
	if (d->nr_parts) {
		merge(s, d);
		return;
	}
	d->cloned = !ioctl(d->to, FICLONE, d->from);
	if (!d->cloned)
		copy_sparse(d);
	close(d->from);
}

/* ---- the report ---- */

static const char *how_to_run(const struct snapshot *s)
{
	char *line;

	if (s->count == 1 && !strchr(s->disks[0].out, '/'))
		return format("nestctl run ./%s", s->disks[0].out);
	if (s->count == 1)
		return format("nestctl run %s", s->disks[0].out);
	line = format("nestling");
	for (size_t i = 0; i < s->count; i++)
		line = format("%s %s=%s", line, s->disks[i].unit, s->disks[i].out);
	return line;
}

static void print_json(const struct snapshot *s)
{
	json_open(NULL, '{');
	json_text("name", s->in.name);
	json_number("held_ms", (int64_t)(s->held * 1000));
	json_open("disks", '[');
	for (size_t i = 0; i < s->count; i++) {
		const struct disk *d = &s->disks[i];

		json_open(NULL, '{');
		json_text("unit", d->unit);
		json_text("file", d->out);
		json_text("format", d->format);
		json_text("backing", d->backing ? d->backing : "");
		json_number("size", (int64_t)d->size);
		json_text("how", d->cloned ? "reflink" : "copy");
		json_close('}');
	}
	json_close(']');
	json_text("run", how_to_run(s));
	json_close('}');
}

static void print(const struct snapshot *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct disk *d = &s->disks[i];

		printf("%s: %s of %s%s%s%s\n", d->unit, d->out, s->in.name,
			d->backing ? ", over " : "", d->backing ? d->backing : "",
			d->cloned ? " (shares its blocks with the original)" : "");
	}
	printf("held for %.2f s; to run it: %s\n", s->held, how_to_run(s));
}

/* ---- the command ---- */

static int snapshot(int argc, char **argv)
{
	struct snapshot s = { 0 };
	const char *out = ".", *only = NULL;
	bool json = false;
	char **words;

	for (int key; (key = next_option(&cmd_snapshot, argc, argv));)
		switch (key) {
		case 'o': out = optarg; break;
		case 'd': only = optarg; break;
		default: json = true;
		}
	words = take_words(&cmd_snapshot, argc, argv, 0, 1);
	s.in = instance_find(words[0]);
	begin(&s);
	choose(&s, only);
	name_outputs(&s, out);
	for (size_t i = 0; i < s.count; i++)
		open_files(&s, &s.disks[i]);
	for (size_t i = 0; i < s.count; i++)
		copy(&s, &s.disks[i]);
	end(&s);
	for (size_t i = 0; i < s.count; i++)
		finish(&s, &s.disks[i]);
	if (json)
		print_json(&s);
	else
		print(&s);
	return 0;
}

static const struct option_row options[] = {
	{ 'o', "output", "PATH",
		"the copy; in a folder it is called UMID-ubdN.cow, or .img for a raw disk (.)" },
	{ 'd', "disk", "UNIT", "only this disk (ubd0 ...)" },
	OPTION_JSON,
	{ 0 },
};

const struct command cmd_snapshot = {
	.name = "snapshot",
	.args = "[UMID]",
	.help = "Copies the disks of an instance that runs, clean.",
	.text = "All file systems on its disks are frozen first (fsfreeze(8)), and nothing is "
		"written to the disks until they are copied. Programs that write wait, other "
		"programs go on. So a copy needs no repair, and has all synced data. File systems "
		"that cannot be frozen (vfat) are written out, and a line says so.\n\nOnly the "
		"file that a disk writes to is copied. Of a copy-on-write file this is the layer: "
		"its backing file stays in its place and must not be changed. If the host's file "
		"system can, the copy shares its blocks with the original and takes no time. "
		"Otherwise everything but holes is copied. The copy has its name when it is "
		"complete. However nestctl ends, the instance goes on.\n\nThis keeps the layer of "
		"an instance that nestctl run has started without --keep:\n\n\tnestctl snapshot "
		"web -o web.cow\n\tnestctl run ./web.cow",
	.options = options,
	.run = snapshot,
};
