/* SPDX-License-Identifier: MIT */
/*
 * build.c: `nestctl image build`.
 *
 * The Debian image is mmdebstrap's archive, unpacked into a new ext4 as it arrives. There is no
 * folder in between, so owners and device nodes are right for a normal user, too, with user
 * namespaces or with fakechroot. The busybox image needs no network. An image gets its name only
 * when it is complete and e2fsck has found no fault.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/nestctl/image/blob.h"
#include "tools/nestctl/image/ext4_image.h"
#include "tools/nestctl/image/image.h"
#include "tools/nestctl/core/colour.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/core/output.h"
#include "tools/nestctl/core/progress.h"

#define DEFAULT_SUITE "bookworm"
#define SUITE_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789-."

static const char base_packages[] =
	"busybox,procps,iproute2,python3-minimal,e2fsprogs,strace,less,vim-tiny";

/* for --variant systemd: a machine with a login, also through ssh */
static const char machine_packages[] = "systemd-sysv,dbus,libpam-systemd,openssh-server";
/* settings of such an image: `nestctl run` starts /sbin/init by default (image_config.c) */
static const char machine_config[] = "c/sbin/init";

static void copy_data(struct archive *a, struct ext4_image *im)
{
	const void *data;
	size_t size;
	la_int64_t offset;
	int r;

	while ((r = archive_read_data_block(a, &data, &size, &offset)) == ARCHIVE_OK)
		ext4_image_write(im, data, size, offset);
	if (r != ARCHIVE_EOF)
		die("the archive breaks off: %s", archive_why(a));
}

static void copy_xattrs(struct archive_entry *from, struct ext4_image *im)
{
	const char *name;
	const void *value;
	size_t size;

	archive_entry_xattr_reset(from);
	while (archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK)
		ext4_image_xattr(im, name, value, size);
}

static void copy_entry(struct archive *a, struct archive_entry *from, struct ext4_image *im)
{
	struct entry e = {
		.path = archive_entry_pathname(from),
		.mode = archive_entry_mode(from),
		.uid = archive_entry_uid(from),
		.gid = archive_entry_gid(from),
		.mtime = archive_entry_mtime(from),
		.mtime_nsec = archive_entry_mtime_nsec(from),
		.size = archive_entry_size(from),
		.symlink = archive_entry_symlink(from),
		.hardlink = archive_entry_hardlink(from),
		.major = archive_entry_rdevmajor(from),
		.minor = archive_entry_rdevminor(from),
	};

	if (!e.path)
		die("the archive holds a name that cannot be read");
	ext4_image_add(im, &e);
	if (S_ISREG(e.mode) && !e.hardlink)
		copy_data(a, im);
	copy_xattrs(from, im);
}

/* Adds the entries of the tar in @fd to the image. */
static void unpack(int fd, struct ext4_image *im)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	size_t files = 0;
	uint64_t bytes = 0;
	int r;

	/* mmdebstrap, which may need more, runs already */
	gain_no_rights();
	if (!a || archive_read_support_format_tar(a) || archive_read_open_fd(a, fd, 1 << 18))
		die("cannot read an archive");
	while ((r = archive_read_next_header(a, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		copy_entry(a, entry, im);
		bytes += archive_entry_size(entry);
		if (++files % 64 == 0)
			progress_count("build", files, bytes);
	}
	if (r != ARCHIVE_EOF)
		die("the archive breaks off: %s", archive_why(a));
	archive_read_free(a);
	progress_end();
	fprintf(stderr, "%zu files, %s\n", files, size_text((double)bytes));
}

/* Waits for the first byte of the archive. True if the stream ends without one. */
static bool read_nothing(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = 0;

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	return ioctl(fd, FIONREAD, &n) || !n;
}

/*
 * Writes /etc/hosts and /etc/hostname, since mmdebstrap leaves the builder's host name. All users
 * of the image can read the files, whatever the builder's umask is.
 */
static const char names_hook[] =
	"--customize-hook=echo nest >\"$1/etc/hostname\"; printf '%s\\t%s\\n' 127.0.0.1 localhost "
	"127.0.1.1 nest ::1 'localhost ip6-localhost ip6-loopback' ff02::1 ip6-allnodes ff02::2 "
	"ip6-allrouters >\"$1/etc/hosts\"; chmod 644 \"$1/etc/hostname\" \"$1/etc/hosts\"";

/* Runs mmdebstrap and adds its files to the image. @packages: further packages, ending in NULL. */
static void debian_populate(struct ext4_image *im, const char *suite, bool machine, char **packages)
{
	const char *include =
		!machine ? base_packages : format("%s,%s", base_packages, machine_packages);
	int pipe_fds[2];

	for (; *packages; packages++)
		include = format("%s,%s", include, *packages);
	if (pipe2(pipe_fds, O_CLOEXEC))
		die("cannot make a pipe: %s", strerror(errno));
	const char *const argv[] = { "mmdebstrap", "--mode=auto", "--variant=minbase",
		"--format=tar", names_hook, format("--include=%s", include), suite, "-", NULL };
	const int fds[3] = { open("/dev/null", O_RDONLY | O_CLOEXEC), pipe_fds[1], -1 };
	pid_t pid = spawn(argv, fds);

	close(pipe_fds[1]);
	close(fds[0]);
	/*
	 * The archive begins only after all packages were installed: its first byte proves that
	 * mmdebstrap has succeeded so far.
	 */
	if (read_nothing(pipe_fds[0]) && wait_for(pid))
		die("mmdebstrap could not make %s; without a network, `--variant busybox` works",
			suite);
	unpack(pipe_fds[0], im);
	if (wait_for(pid))
		die("mmdebstrap failed");
}

/* Returns the path of the host's busybox, or dies. */
static const char *static_busybox(void)
{
	const char *path = find_program("busybox");

	if (!path)
		die("busybox: not found; `make deps` installs busybox-static");
	return path;
}

/* Builds an image. @suite: Debian's, or NULL for busybox. @machine: with systemd. */
static void build(const char *suite, bool machine, const char *path, uint64_t size, char **packages)
{
	const char *dir = strrchr(path, '/') ? strndup(path, strrchr(path, '/') - path) : ".";
	struct ext4_image *im;
	const char *self;
	int fd;

	if (*dir)
		make_dirs(dir);
	fd = output_open(path);
	self = format(
		/* the name by which mke2fs and e2fsck open the file */
		"/proc/%d/fd/%d", (int)getpid(), fd);
	im = ext4_image_create(self, path, size);
	if (suite)
		debian_populate(im, suite, machine, packages);
	else
		busybox_populate(im, static_busybox());
	ext4_image_close(im);
	ext4_image_check(self, path);
	output_finish(fd, path, true);
	/* also removes the settings of an earlier image of this name */
	image_config_write(path, machine_config, machine ? sizeof(machine_config) : 0);
	fprintf(stderr, "made %s\n", path);
}

/*
 * Dies if @path is a regular file. A symbolic link, such as tools/default-image makes, may be
 * replaced: the image to which it leads stays.
 */
static void refuse_to_replace(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISREG(st.st_mode))
		die("%s: there is an image already; --force replaces it", path);
}

int image_build(int argc, char **argv)
{
	const char *variant = "debian", *path = NULL, *size = NULL, *suite = NULL, *name;
	bool force = false;
	char **packages;

	for (int key; (key = next_option(&cmd_image_build, argc, argv));) {
		switch (key) {
		case 'v': variant = optarg; break;
		case 's': size = optarg; break;
		case 'S': suite = optarg; break;
		case 'f': force = true; break;
		default: path = optarg; break;
		}
	}
	packages = take_words(&cmd_image_build, argc, argv, 0, -1);
	/* "debian" is the image's name, not a package */
	if (*packages && !strcmp(*packages, "debian") && !strcmp(variant, "debian"))
		packages++;
	bool machine = !strcmp(variant, "systemd"), debian = machine || !strcmp(variant, "debian");

	for (char **p = packages; *p; p++)
		if (!**p || **p == '-' || strpbrk(*p, ", \t\n"))
			die("image build: '%s' is no package", *p);
	if (path && (!*path || path[strlen(path) - 1] == '/'))
		die("image build: -o '%s': expected the name of a file", path);

	if (!debian && strcmp(variant, "busybox"))
		die("--variant: '%s' is neither debian nor systemd nor busybox", variant);
	if (!debian && *packages)
		die("%s: the busybox image takes no packages", *packages);
	if (suite && (!debian || !*suite || suite[strspn(suite, SUITE_LETTERS)]))
		die("--suite: '%s' is no suite of Debian's", suite);
	uint64_t bytes = parse_size(size ? size : debian ? "2G" : "64M", "--size");

	if (bytes < 16 << 20)
		die("--size: an image needs at least 16M");
	name = suite && strcmp(suite, DEFAULT_SUITE) ? format("%s-%s", variant, suite) : variant;
	if (!path)
		image_lock(name);
	path = path ? path : image_path(name);
	if (!force)
		refuse_to_replace(path);
	image_config_must_be_ours(path);
	build(debian ? suite ? suite : DEFAULT_SUITE : NULL, machine, path, bytes, packages);
	return 0;
}
