/* SPDX-License-Identifier: MIT */
/*
 * fuse_privs: set-id bits of a FUSE file that is written, truncated or given away; and a server
 * that accepts no byte of a write.
 */
#include "fuse_server.h"

#define NOBODY 65534

static mode_t mode;
static bool takes_nothing, told; /* the latter: a SETATTR had a mode */

static void setattr(const struct fuse_setattr_in *in)
{
	if (!(in->valid & FATTR_MODE))
		return;
	told = true;
	mode = in->mode & 07777;
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	const struct fuse_write_in *w = (const void *)(h + 1);
	struct fuse_write_out took = { .size = takes_nothing ? 0 : w->size };
	if (h->opcode == FUSE_SETATTR)
		setattr((const void *)(h + 1));
	if (h->opcode == FUSE_FALLOCATE)
		reply(h->unique, 0, NULL, 0);
	else if (h->opcode == FUSE_WRITE)
		reply(h->unique, 0, &took, sizeof(took));
	else
		serve_file(h, mode, 5);
}

/* Writes, or with @space allocates space. */
static void write_as(uid_t uid, mode_t now, bool space)
{
	int fd = NEED(open("m/file", O_WRONLY));

	mode = now;
	NEED(fchmod(fd, now)); /* so that we know it, too */
	told = false;
	CHILD({
		NEED(setresuid(uid, uid, uid));
		if (space)
			T(fallocate(fd, 0, 0, 5));
		else
			T(write(fd, "x", 1));
	});
	close(fd);
	say("%s as %d: %o to %o, told: %s", space ? "fallocate" : "write", (int)uid, now, mode,
		told ? "yes" : "no");
}

static void change_as(const char *what, uid_t uid, mode_t now)
{
	NEED(chmod("m/file", now));
	told = false;
	CHILD({
		NEED(setresuid(uid, uid, uid));
		if (!strcmp(what, "chown"))
			T(chown("m/file", 1, 1));
		else
			T(truncate("m/file", 3));
	});
	say("%s as %d: %o to %o, told: %s", what, (int)uid, now, mode, told ? "yes" : "no");
}

static void all(unsigned flags)
{
	static const mode_t modes[] = { 06777, 04755, 02775, 02765, 0755 };
	unsigned i;

	mode = 0755;
	fuse_init_flags = flags;
	fuse_serve();
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		write_as(0, modes[i], false);
		write_as(NOBODY, modes[i], false);
		write_as(0, modes[i], true);
		write_as(NOBODY, modes[i], true);
		change_as("chown", 0, modes[i]);
		change_as("truncate", 0, modes[i]);
		change_as("truncate", NOBODY, modes[i]);
	}
}

static void nothing(int flags)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	int fd = NEED(open("m/file", O_WRONLY | flags));

	T(write(fd, page, sizeof(page)));
	close(fd);
}

TEST(fuse_privs)
{
	say("the kernel takes the bits");
	CHILD(all(0));
	NEED(rmdir("m"));
	say("the server takes the bits");
	CHILD(all(FUSE_HANDLE_KILLPRIV));
	NEED(rmdir("m"));
	CHILD({
		fuse_serve();
		mode = 0666;
		takes_nothing = true;
		nothing(0);
		nothing(O_DIRECT);
	});
}
