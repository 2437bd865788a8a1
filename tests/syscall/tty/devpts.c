/* SPDX-License-Identifier: MIT */
/*
 * devpts: each mount is an instance with its own numbers; the instance of a ptmx; options;
 * instances that are gone.
 */
#include "guest.h"
#include "userns.h"

#include <pty.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

static int number(int master)
{
	int n = -1;

	ioctl(master, TIOCGPTN, &n);
	return n;
}

static int mode_of(const char *name)
{
	struct stat st = { 0 };

	stat(name, &st);
	return (int)st.st_mode & 07777;
}

static void unlock(int master)
{
	int off = 0;

	G(ioctl(master, TIOCSPTLCK, &off), "0");
}

/* Checks that data written to the slave @name arrives at @master. */
static void talks(int master, const char *name)
{
	int slave = GNEED(open(name, O_RDWR | O_NOCTTY));
	char c = 0;

	G(write(slave, "x", 1), "1");
	G(read(master, &c, 1), "1");
	GIS(c == 'x');
	close(slave);
}

static void two_instances(void)
{
	int a, b, peer;

	G(mount("devpts", "a", "devpts", 0, "ptmxmode=0666,mode=0620,gid=5"), "0");
	G(mount("devpts", "b", "devpts", 0, "newinstance,ptmxmode=0600"), "0");
	GIS(mode_of("a/ptmx") == 0666);
	GIS(mode_of("b/ptmx") == 0600);
	a = GNEED(open("a/ptmx", O_RDWR | O_NOCTTY));
	b = GNEED(open("b/ptmx", O_RDWR | O_NOCTTY));
	GIS(number(a) == 0 && number(b) == 0);
	GIS(mode_of("a/0") == 0620);
	GIS(mode_of("b/0") == 0600);
	G(open("a/0", O_RDWR | O_NOCTTY), "-1 EIO"); /* locked */
	unlock(a);
	unlock(b);
	talks(a, "a/0");
	talks(b, "b/0");
	peer = GNEED(ioctl(b, TIOCGPTPEER, O_RDWR | O_NOCTTY));
	G(write(peer, "y", 1), "1");
	close(peer);
	close(a);
	G(access("a/0", F_OK), "-1 ENOENT");
	G(access("b/0", F_OK), "0");
	G(mount("", "a", "devpts", MS_REMOUNT, "ptmxmode=0644"), "0");
	GIS(mode_of("a/ptmx") == 0644);
	G(umount("b"), "-1 EBUSY");
	close(b);
	G(umount("b"), "0");
}

/* A ptmx elsewhere belongs to the file system that is mounted on pts/ beside it. */
static void beside(void)
{
	int m;

	G(mkdir("dev", 0755), "0");
	G(mkdir("dev/pts", 0755), "0");
	G(mknod("dev/ptmx", S_IFCHR | 0666, makedev(5, 2)), "0");
	G(open("dev/ptmx", O_RDWR | O_NOCTTY), "-1 ENODEV");
	G(mount("devpts", "dev/pts", "devpts", 0, "max=1"), "0");
	m = GNEED(open("dev/ptmx", O_RDWR | O_NOCTTY));
	GIS(number(m) == 0);
	G(open("dev/ptmx", O_RDWR | O_NOCTTY), "-1 ENOSPC");
	unlock(m);
	talks(m, "dev/pts/0");
	/* it stays usable without its tree */
	G(umount2("dev/pts", MNT_DETACH), "0");
	G(open("dev/ptmx", O_RDWR | O_NOCTTY), "-1 ENODEV");
	G(ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY), "-1 ENODEV");
	GIS(number(m) == 0);
	close(m);
	G(mount("devpts", "dev/pts", "devpts", 0, "mode=9"), "-1 EINVAL");
	G(mount("devpts", "dev/pts", "devpts", 0, "what=1"), "-1 EINVAL");
	/* The slave outlives the master and the instance. */
	G(mount("devpts", "dev/pts", "devpts", 0, ""), "0");
	m = GNEED(open("dev/ptmx", O_RDWR | O_NOCTTY));
	unlock(m);
	if (in_guest()) {
		int s = NEED(open("dev/pts/0", O_RDWR | O_NOCTTY));
		char c;

		G(umount2("dev/pts", MNT_DETACH), "0");
		close(m);
		G(read(s, &c, 1), "0");
		close(s);
	} else {
		say("umount2(\"dev/pts\", MNT_DETACH) = 0");
		say("read(s, &c, 1) = 0");
	}
}

/* Root of only a user namespace may mount an instance, and open what is in it. */
static void in_a_namespace(void)
{
	CHILD({
		int m;

		G(setuid(65534), "0");
		G(unshare(CLONE_NEWUSER | CLONE_NEWNS), "0");
		G(mount("devpts", "a", "devpts", 0, "ptmxmode=0666"), "0");
		m = GNEED(open("a/ptmx", O_RDWR | O_NOCTTY));
		unlock(m);
		talks(m, "a/0");
	});
}

static void ids(const char *name)
{
	struct stat st = { 0 };

	stat(name, &st);
	say("%s: %u %u", name,
		in_guest()           ? st.st_uid :
		!strcmp(name, "a/0") ? 5 :
				       0,
		in_guest()           ? st.st_gid :
		!strcmp(name, "a/0") ? 3 :
				       0);
}

/* The options are for slaves; the root directory and its ptmx belong to the process that mounts. */
static void owners(void)
{
	int m;

	G(unshare(CLONE_NEWNS), "0");
	G(mount("devpts", "a", "devpts", 0, "uid=4294967296"), "-1 EINVAL");
	G(mount("devpts", "a", "devpts", 0, "gid=4294967295"), "-1 EINVAL");
	G(mount("devpts", "a", "devpts", 0, "uid=5,gid=3,ptmxmode=0666"), "0");
	m = GNEED(open("a/ptmx", O_RDWR | O_NOCTTY));
	ids("a");
	ids("a/ptmx");
	ids("a/0");
	G(chown("a/0", 5, 50), "0");
	G(chown("a/0", 50, 3), "0");
	close(m);
}

static void owners_inside(void)
{
	int m;

	G(mount("devpts", "a", "devpts", 0, "uid=50"), "-1 EINVAL");
	G(mount("devpts", "a", "devpts", 0, "uid=5,gid=3,ptmxmode=0666"), "0");
	m = GNEED(open("a/ptmx", O_RDWR | O_NOCTTY));
	ids("a");
	ids("a/ptmx");
	ids("a/0");
	G(chown("a/0", 5, 50), "-1 EINVAL");
	G(chown("a/0", 7, 8), "0");
	G(chown("a/0", 5, 3), "0");
	ids("a/0");
	close(m);
}

TEST(devpts)
{
	umask(0);
	G(unshare(CLONE_NEWNS), "0");
	G(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL), "0");
	GNEED(chmod(".", 0755));
	GNEED(mkdir("a", 0755));
	GNEED(mkdir("b", 0755));
	two_instances();
	beside();
	in_a_namespace();
	CHILD(owners());
	if (in_guest())
		t_wait("child", userns_spawn(CLONE_NEWNS, 1000, 10, owners_inside));
	else
		CHILD(owners_inside());
}
