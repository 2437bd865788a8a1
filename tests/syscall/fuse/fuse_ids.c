/* SPDX-License-Identifier: MIT */
/*
 * fuse_ids: FUSE in a user namespace: ids in requests and answers are translated by the namespace
 * of the mount. Also a file system whose root is a regular file.
 */
#include "userns.h"
#include "fuse_server.h"
#include "mounts.h"

static mode_t root_type;
static struct fuse_in_header last;  /* of the last GETATTR or SETATTR */
static struct fuse_setattr_in wish; /* of the last SETATTR */

/* Node 2 belongs to user 3, group 4; node 3 to ids that the namespace lacks. */
static void attr_of(struct fuse_attr *a, unsigned long node)
{
	memset(a, 0, sizeof(*a));
	a->ino = node;
	a->mode = node == 1 ? root_type | 0755 : S_IFREG | 0644;
	a->nlink = 1;
	a->size = 5;
	a->uid = node == 1 ? 0 : node == 2 ? 3 : 300;
	a->gid = node == 1 ? 0 : node == 2 ? 4 : 400;
}

static void lookup(const struct fuse_in_header *h, const char *name)
{
	struct fuse_entry_out e;

	memset(&e, 0, sizeof(e));
	e.nodeid = strcmp(name, "known") ? 3 : 2;
	attr_of(&e.attr, e.nodeid);
	reply(h->unique, 0, &e, sizeof(e));
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	struct fuse_attr_out a;

	switch (h->opcode) {
	case FUSE_LOOKUP: lookup(h, (const void *)(h + 1)); break;
	case FUSE_SETATTR: memcpy(&wish, h + 1, sizeof(wish)); /* fall through */
	case FUSE_GETATTR:
		last = *h;
		memset(&a, 0, sizeof(a));
		attr_of(&a.attr, h->nodeid);
		reply(h->unique, 0, &a, sizeof(a));
		break;
	case FUSE_READ:
		reply(h->unique, 0, "text\n",
			((const struct fuse_read_in *)(h + 1))->offset ? 0 : 5);
		break;
	default: serve_rest(h);
	}
}

static void stat_as(const char *who, const char *path, uid_t uid)
{
	struct stat st;

	if (uid) {
		NEED(setresgid(uid, uid, uid));
		NEED(setresuid(uid, uid, uid));
	}
	T(stat(path, &st));
	say("%s, %s: owner %d %d", who, path, (int)st.st_uid, (int)st.st_gid);
}

static void mountinfo(const char *what)
{
	static char text[65536];
	FILE *f = fopen("/proc/self/mountinfo", "r");

	while (f && fgets(text, sizeof(text), f))
		if (strstr(text, " fuse ") && strstr(text, what))
			say("mountinfo: %s", strtok(strstr(text, what), "\n"));
	fclose(f);
}

/* Asks in children, so that the server in this process can note the ids of their requests. */
static void ask(void)
{
	CHILD(stat_as("root", "m/known", 0));
	say("asked by %u %u", last.uid, last.gid);
	CHILD(stat_as("5", "m/known", 5));
	say("asked by %u %u", last.uid, last.gid);
	CHILD(stat_as("root", "m/unknown", 0));
	CHILD(T(chown("m/known", 6, 7)));
	say("asked for %u %u", wish.uid, wish.gid);
	CHILD(T(chown("m/known", 60, 70)));
	CHILD(T(chown("m/unknown", 6, 7)));
	CHILD(T(chown("m/unknown", 6, -1)));
	CHILD(T(chmod("m/unknown", 0600)));
	CHILD(T(open("m/unknown", O_RDWR)));
	mountinfo("user_id=");
}

/* @makers_dev was opened outside of the namespace */
static int ready[2], done[2], makers_dev;

static void inside(void)
{
	char text[100], c;
	pthread_t t;

	root_type = S_IFDIR;
	T(fuse_mount("m", "rootmode=40000,user_id=50,group_id=0,allow_other"));
	T(fuse_mount("m", "rootmode=40000,user_id=0,group_id=50,allow_other"));
	T(fuse_mount("file", "rootmode=40000,user_id=0,group_id=0,allow_other"));
	snprintf(text, sizeof(text), "fd=%d,rootmode=40000,user_id=0,group_id=0", makers_dev);
	T(mount("x", "m", "fuse", MS_NOSUID | MS_NODEV, text));
	T(fuse_mount("m", "rootmode=40000,user_id=0,group_id=0,allow_other"));
	NEED0(pthread_create(&t, NULL, server, NULL));
	ask();
	NEED(write(ready[1], "x", 1));
	NEED(read(done[0], &c, 1));
	T(umount2("m", MNT_DETACH));
}

/* User and mount namespaces, entered by a process that has no id there. */
static void stranger(pid_t pid)
{
	char path[64], here[PATH_MAX];
	int user, mnt;
	struct stat st;

	user = userns_open(pid);
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	mnt = NEED(open(path, O_RDONLY));
	NEED(getcwd(here, sizeof(here)) ? 0 : -1);
	NEED(setns(user, 0));
	NEED(setns(mnt, 0));
	NEED(chdir(here));
	T(stat("m/known", &st));
	T(open("m/known", O_RDONLY));
}

static void one_file(void)
{
	char buf[100];
	pthread_t t;
	int fd;

	root_type = S_IFREG;
	T(fuse_mount("m", "rootmode=100644,user_id=0,group_id=0"));
	T(fuse_mount("file", "rootmode=0644,user_id=0,group_id=0"));
	T(fuse_mount("file", "rootmode=120777,user_id=0,group_id=0"));
	T(fuse_mount("file", "rootmode=100644,user_id=0,group_id=0"));
	NEED0(pthread_create(&t, NULL, server, NULL));
	fd = NEED(open("file", O_RDONLY));
	T(read(fd, buf, sizeof(buf)));
	T(close(fd));
	T(open("file/x", O_RDONLY));
	stat_as("root", "file", 0);
	T(umount("file"));
}

TEST(fuse_ids)
{
	pid_t pid;
	char c;

	umask(0);
	NEED(chmod(".", 0755));
	NEED(mkdir("m", 0777));
	close(NEED(open("file", O_CREAT | O_RDWR, 0666)));
	NEED(pipe(ready));
	NEED(pipe(done));
	CHILD({
		own_mounts();
		/* a device node that all may open */
		NEED(mkdir("dev", 0755));
		NEED(mount("x", "dev", "tmpfs", 0, NULL));
		NEED(mknod("dev/fuse", S_IFCHR | 0666, 10 << 8 | 229));
		NEED(mount("dev/fuse", "/dev/fuse", NULL, MS_BIND, NULL));
		makers_dev = NEED(open("/dev/fuse", O_RDWR));
		pid = userns_spawn(CLONE_NEWNS, 1000, 10, inside);
		NEED(read(ready[0], &c, 1));
		t_wait("a stranger", SPAWN(stranger(pid)));
		NEED(write(done[1], "x", 1));
		t_wait("inside", pid);
		one_file();
	});
}
