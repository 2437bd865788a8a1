/* SPDX-License-Identifier: MIT */
/*
 * copy.c: `nestctl cp`: copies files between the host and an instance, as a tar that one end writes
 * and the other unpacks.
 *
 * The instance's end is the guest's tar, which `nestctl exec` starts. If the instance does not run,
 * `nestctl run` starts it over the instance's layer. The host's end is libarchive. An instance may
 * send anything: its tar is unpacked only beneath the target, never through a symbolic link, and
 * without devices.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/umid.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/service/service.h"

#define PIECE (1 << 16)

/* A run of `nestctl cp`. */
struct copy {
	bool owners, follow;
	const char *name; /* name of the instance */
	struct service service;
	/* a kept instance that this process has locked */
	bool stopped;
	/* the guest's tar: nestctl's end of its stream, its messages, its process */
	int stream, said;
	pid_t pid;
	/* a file of the host shrank while it was copied, as a message has reported */
	bool shrunk;
};

/*
 * The target of a copy: the folder @dir, and the name @name in it. "": copy the contents into it.
 */
struct target {
	const char *dir, *name;
};

/* ---- the instance's end ---- */

/* Finds the running instance, or locks the kept one that does not run. */
static void find_instance(struct copy *c, const char *name)
{
	c->name = name;
	for (int i = 0; i < 2; i++)
		if (umid_home(i) && umid_is_served(format("%s/%s", umid_home(i), name)))
			return;
	c->service = service_open(name);
	c->stopped = service_lock(&c->service);
	if (!c->stopped)
		die("%s: starts or ends just now", name);
}

/* Starts `sh -c SCRIPT sh A B` in the instance, with @in and @out as its streams. */
static void start(struct copy *c, int in, int out, const char *script, const char *a, const char *b)
{
	const char *argv[28];
	int n = 0;

	argv[n++] = nestctl_path;
	if (c->stopped) {
		const struct spec *spec = &c->service.spec;
		const char *keep = format("--keep=%s/layer", c->service.folder);

		if (!spec->own_layer)
			for (char **w = spec->words; *w; w++)
				if (!strncmp(*w, "--keep=", 7))
					keep = *w;
		const char *const run[] = { "run", "--bare", "--as-is", "-T", "--net", "none", keep,
			"--", spec->file };

		memcpy(argv + n, run, sizeof(run));
		n += (int)(sizeof(run) / sizeof(run[0]));
	} else {
		argv[n++] = "exec";
		argv[n++] = "-T";
		argv[n++] = "--privileged";
		argv[n++] = "--user=0";
		argv[n++] = "--workdir=/";
		argv[n++] = c->name;
		argv[n++] = "--";
	}
	const char *const words[] = { "sh", "-c", script, "sh", a, b, NULL };

	memcpy(argv + n, words, sizeof(words));
	c->said = memfd_create("errors", MFD_CLOEXEC);
	c->pid = spawn(argv, (const int[]){ in, out, c->said });
}

/* Waits until the guest's tar ends. Dies with its messages if it failed, else prints them. */
static void finish(struct copy *c)
{
	int status = wait_for(c->pid);
	char *said = program_said(c->said), *line = said;

	if (!status) {
		put_plain(stderr, said);
		close(c->said);
		return;
	}
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "nestctl: ", 9))
		line += 9;
	die("%s: %s", c->name, *line ? line : format("its tar ended with status %d", status));
}

static int null_fd(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* Returns the kind of @path in the instance: 'd' a folder, 'e' another file, 'n' nothing. */
static char kind_of(struct copy *c, const char *path)
{
	static const char script[] =
		"if [ -d \"$1\" ]; then echo d; elif [ -e \"$1\" ]; then echo e; "
		"else echo n; fi";
	char kind = 0;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	start(c, null_fd(), fds[1], script, path, "");
	close(fds[1]);
	if (read(fds[0], &kind, 1) != 1)
		kind = 0;
	close(fds[0]);
	finish(c);
	if (!kind)
		die("%s: its sh says nothing of %s", c->name, path);
	return kind;
}

/* ---- paths ---- */

/* Returns the path without trailing slashes. */
static char *trimmed(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return format("%.*s", (int)n, path);
}

/* base_of() returns the last part of a path, dir_of() the folder in front of that part. */
static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !slash ? "." : slash == path ? "/" : format("%.*s", (int)(slash - path), path);
}

/*
 * True if the path stands for the contents of a folder: "DIR/.", "." or "/". "DIR/" is the folder
 * itself, as with docker.
 */
static bool is_contents(const char *path)
{
	const char *base = base_of(trimmed(path));

	return !*base || !strcmp(base, ".") || !strcmp(base, "..");
}

/*
 * Determines the target by docker's rules. @kind: of @to, from kind_of(). Dies if the copy is
 * impossible.
 */
static struct target target_of(const char *to, char kind, const char *from, bool from_dir)
{
	const char *path = trimmed(to);

	if (kind == 'd')
		return (struct target){ to, is_contents(from) ? "" : base_of(from) };
	if (kind == 'e' && from_dir)
		die("cp: %s: %s", to, strerror(ENOTDIR));
	if (strcmp(path, to) != 0 && !from_dir)
		die("cp: %s: %s", to, strerror(kind == 'e' ? ENOTDIR : ENOENT));
	return (struct target){ dir_of(path), base_of(path) };
}

/*
 * Returns @path with @from at its beginning replaced by @to, or "" if @path is not below @from.
 * Both may be "", for a path relative to the target.
 */
static const char *moved(const char *path, const char *from, const char *to)
{
	size_t n = strlen(from);

	if (strncmp(path, from, n) != 0 || (n && path[n] && path[n] != '/'))
		return "";
	path += n;
	path += strspn(path, "/");
	return !*to ? path : *path ? format("%s/%s", to, path) : to;
}

/* ---- from the instance ---- */

/* Sets an entry's path below the target. Returns false if the entry is left out. */
static bool place(struct archive_entry *e, const char *base, const struct target *t)
{
	const char *path = archive_entry_pathname(e), *link = archive_entry_hardlink(e);
	const mode_t type = archive_entry_filetype(e);

	path = path ? moved(path + (strncmp(path, "./", 2) ? 0 : 2), base, t->name) : "";
	/* skip the entry of the folder itself: the target is not changed */
	if (!*path || !strcmp(path, ".") || !strcmp(path, "./"))
		return false;
	if (link) {
		link = moved(link + (strncmp(link, "./", 2) ? 0 : 2), base, t->name);
		archive_entry_set_hardlink(e, link);
	} else if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK) {
		warn("%s: left out: neither a file, nor a folder, nor a link", path);
		return false;
	}
	archive_entry_set_pathname(e, path);
	return true;
}

/* Copies the data of an entry from archive to archive. */
static void copy_data(struct archive *from, struct archive *to)
{
	const void *piece;
	la_int64_t offset;
	size_t n;
	int r;

	while ((r = archive_read_data_block(from, &piece, &n, &offset)) == ARCHIVE_OK)
		if (archive_write_data_block(to, piece, n, offset) < ARCHIVE_WARN)
			die("cp: %s", archive_error_string(to));
	if (r != ARCHIVE_EOF)
		die("cp: %s", archive_error_string(from));
}

/* Unpacks the tar. Returns false if the stream has none; finish() then reports the reason. */
static bool unpack(const struct copy *c, const char *base, const struct target *t)
{
	struct archive *in = archive_read_new(), *out = archive_write_disk_new();
	struct archive_entry *e;
	int r;

	if (!in || !out || archive_read_support_format_tar(in) ||
		archive_write_disk_set_options(out,
			ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_UNLINK |
				ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
				ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS |
				(c->owners ? ARCHIVE_EXTRACT_OWNER : 0)))
		die("cp: out of memory");
	if (archive_read_open_fd(in, c->stream, PIECE))
		return false;
	if (chdir(t->dir))
		die("cp: %s: %s", t->dir, strerror(errno));
	while ((r = archive_read_next_header(in, &e)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		if (!place(e, base, t))
			continue;
		if (archive_write_header(out, e) < ARCHIVE_WARN)
			die("cp: %s", archive_error_string(out));
		copy_data(in, out);
		if (archive_write_finish_entry(out) < ARCHIVE_WARN)
			die("cp: %s", archive_error_string(out));
	}
	if (r != ARCHIVE_EOF)
		die("cp: %s: %s", c->name, archive_error_string(in));
	if (archive_write_close(out))
		die("cp: %s", archive_error_string(out));
	archive_write_free(out);
	archive_read_free(in);
	return true;
}

static char host_kind(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 'n' : S_ISDIR(st.st_mode) ? 'd' : 'e';
}

static void copy_out(struct copy *c, const char *from, const char *to)
{
	static const char script[] = "cd \"$1\" && exec tar -cf - \"$2\"";
	static const char follow[] = "cd \"$1\" && exec tar -chf - \"$2\"";
	const bool contents = is_contents(from), stream = !strcmp(to, "-");
	const char *path = contents ? from : trimmed(from);
	const char *base = contents ? "" : base_of(path);
	const char *dir = contents ? path : dir_of(path);
	const char *what = contents ? "." : *base == '-' ? format("./%s", base) : base;
	struct target t = { NULL, NULL };
	bool good;
	int fds[2];

	if (stream && isatty(1))
		die("cp: standard output is a terminal");
	if (!stream) {
		char kind = kind_of(c, from);

		if (kind == 'n')
			die("%s: %s: %s", c->name, from, strerror(ENOENT));
		t = target_of(to, host_kind(to), contents ? "/" : path, kind == 'd');
		if (contents && host_kind(to) == 'n' && mkdir(to, 0777))
			die("cp: %s: %s", to, strerror(errno));
		if (contents)
			t = (struct target){ to, "" };
	}
	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	start(c, null_fd(), stream ? 1 : fds[1], c->follow ? follow : script, dir, what);
	close(fds[1]);
	c->stream = fds[0];
	good = stream || unpack(c, base, &t);
	close(fds[0]);
	finish(c);
	if (!good)
		die("%s: its tar wrote nothing", c->name);
}

/* ---- to the instance ---- */

/*
 * Writes the data of a file, which had @size bytes when its head was written. If the file has
 * shrunk since, the archive has zeros for the missing bytes. Returns false if the guest's tar has
 * ended.
 */
static bool write_file(struct copy *c, struct archive *out, const char *path, int64_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char buf[PIECE];
	bool good = true;
	ssize_t n = 0;

	if (fd < 0)
		die("cp: %s: %s", path, strerror(errno));
	while (good && (n = read(fd, buf, sizeof(buf))) > 0) {
		good = archive_write_data(out, buf, (size_t)n) >= 0;
		size -= n;
	}
	if (n < 0)
		die("cp: %s: %s", path, strerror(errno));
	if (good && size > 0) {
		warn("cp: %s: it has shrunk while it was copied; the copy ends in %lld zeros", path,
			(long long)size);
		c->shrunk = true;
	}
	close(fd);
	return good;
}

/* Writes an entry. Returns false if the guest's tar has ended. */
static bool send_entry(struct copy *c, struct archive *out, struct archive_entry *e,
	const char *from, const char *name)
{
	const char *path = format("%s", archive_entry_sourcepath(e) ?: archive_entry_pathname(e));
	const char *to = moved(path, from, name);

	if (!*to)
		return true; /* skip the folder itself */
	archive_entry_set_pathname(e, to);
	/* send a hard link as a file: the tar may lack its other name */
	archive_entry_set_hardlink(e, NULL);
	if (!c->owners) {
		archive_entry_set_uid(e, 0);
		archive_entry_set_gid(e, 0);
	}
	archive_entry_set_uname(e, NULL);
	archive_entry_set_gname(e, NULL);
	if (archive_entry_filetype(e) == AE_IFSOCK) {
		warn("%s: left out: a socket", path);
		return true;
	}
	if (archive_write_header(out, e) < ARCHIVE_WARN)
		return false;
	return archive_entry_filetype(e) != AE_IFREG ||
	       write_file(c, out, path, archive_entry_size(e));
}

/*
 * Packs @from under the name @name. Stops early if the guest's tar has ended; finish() then reports
 * the reason.
 */
static void pack(struct copy *c, const char *from, const char *name)
{
	struct archive *disk = archive_read_disk_new(), *out = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	bool good = true;
	int r;

	/* the format with long names that busybox's tar reads, too */
	if (!disk || !out || !e || archive_write_set_format_gnutar(out) ||
		archive_write_open_fd(out, c->stream))
		die("cp: out of memory");
	if (c->follow)
		archive_read_disk_set_symlink_logical(disk);
	else
		archive_read_disk_set_symlink_physical(disk);
	if (archive_read_disk_open(disk, from))
		die("cp: %s: %s", from, archive_error_string(disk));
	while (good && (r = archive_read_next_header2(disk, e)) != ARCHIVE_EOF) {
		if (r < ARCHIVE_WARN)
			die("cp: %s", archive_error_string(disk));
		archive_read_disk_descend(disk);
		good = send_entry(c, out, e, from, name);
	}
	if (good)
		archive_write_close(out);
	archive_write_free(out);
	archive_read_free(disk);
	archive_entry_free(e);
}

static void copy_in(struct copy *c, const char *from, const char *to)
{
	static const char script[] = "cd \"$1\" && exec tar -xpf -";
	const bool stream = !strcmp(from, "-"), contents = is_contents(from);
	const char *path = contents ? from : trimmed(from);
	char kind = kind_of(c, to);
	struct target t = { to, "" };
	struct stat st;
	int fds[2];

	if (stream && kind != 'd')
		die("%s: %s: %s", c->name, to, strerror(kind == 'n' ? ENOENT : ENOTDIR));
	if (!stream && (c->follow ? stat(path, &st) : lstat(path, &st)))
		die("cp: %s: %s", path, strerror(errno));
	if (!stream)
		t = target_of(to, kind, contents ? "/" : path, S_ISDIR(st.st_mode));
	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	start(c, stream ? 0 : fds[0], null_fd(), script, t.dir, "");
	close(fds[0]);
	c->stream = fds[1];
	if (!stream)
		pack(c, path, t.name);
	close(fds[1]);
	finish(c);
}

/* ---- the command ---- */

/* Splits "NAME:PATH": sets *name, returns the path. Returns NULL for a path of the host. */
static const char *split(const char *text, char **name)
{
	const char *colon = strchr(text, ':');

	if (!colon || colon == text || memchr(text, '/', (size_t)(colon - text)) || *text == '.')
		return NULL;
	*name = format("%.*s", (int)(colon - text), text);
	return colon[1] == '/' ? colon + 1 : format("/%s", colon + 1);
}

int copy_files(int argc, char **argv)
{
	struct copy c = { .stream = -1 };
	const char *from, *to;
	char **words, *name = NULL;

	for (int key; (key = next_option(&cmd_cp, argc, argv));)
		*(key == 'a' ? &c.owners : &c.follow) = true;
	words = take_words(&cmd_cp, argc, argv, 2, 2);
	from = split(words[0], &name);
	to = split(words[1], &name);
	if (!from == !to)
		die("cp: %s", from ? "both are in instances; copy to the host first" :
				     "neither is in an instance: NAME:PATH");
	signal(SIGPIPE, SIG_IGN);
	clean_up_when_ended();
	find_instance(&c, name);
	if (from)
		copy_out(&c, from, words[1]);
	else
		copy_in(&c, words[0], to);
	return c.shrunk;
}
