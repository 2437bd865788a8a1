/* SPDX-License-Identifier: MIT */
/*
 * setid_exec_late: a program changes while it is being executed. A user that may no longer execute
 * it gains nothing by its set-id bits. The change comes after the check of the permissions and
 * before the bits are read, because an argument lies on a page that a FUSE server provides.
 */
#include "t.h"

#include "fuse_server.h"

#include <sys/auxv.h>

#define PROGRAM "setid_exec_late"

static int owner, group, mode;

static void serve_one(const char *request)
{
	static char page[4096] = "argument";
	const struct fuse_in_header *h = (const void *)request;

	if (h->opcode == FUSE_READ) {
		NEED(chown(PROGRAM, (uid_t)owner, (gid_t)group));
		NEED(chmod(PROGRAM, (mode_t)mode));
		reply(h->unique, 0, page, sizeof(page));
	} else {
		serve_file(h, 0644, sizeof(page));
	}
}

/* Runs as user 1000, which owns the program until the argument is fetched. */
static void late(const char *what, int to_owner, int to_group, int to_mode)
{
	owner = to_owner;
	group = to_group;
	mode = to_mode;
	NEED(chmod(PROGRAM, 0700));
	NEED(chown(PROGRAM, 1000, 1000));
	say("-- %s: %d:%d %o", what, owner, group, mode);
	CHILD({
		int fd = NEED(open("m/file", O_RDONLY));
		char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

		t_become(1000, 1000);
		execl("./" PROGRAM, PROGRAM, p, NULL);
		say("exec: %s", t_errno(errno));
	});
}

TEST(setid_exec_late)
{
	if (t_argc > 1) {
		say("%s: uid %d %d gid %d %d secure %ld", t_argv[1], (int)getuid(), (int)geteuid(),
			(int)getgid(), (int)getegid(), getauxval(AT_SECURE));
		return;
	}
	fuse_serve();
	t_copy_self(PROGRAM);
	late("anybody may", 0, 0, 04755);
	late("its owner may", 0, 0, 04700);
	late("nobody may", 1000, 1000, 06000);
	late("its group may, and has the bit", 0, 5, 02750);
	late("all but its group", 0, 1000, 06705);
	late("both", 0, 5, 06755);
	late("for others only", 7, 7, 04701);
	late("not set-id", 7, 7, 0);
	umount2("m", MNT_DETACH);
}
