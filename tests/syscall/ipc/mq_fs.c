/* SPDX-License-Identifier: MIT */
/*
 * The file system of message queues: mount(2), listing, reading, making and removing queues as
 * files.
 */
#include "t.h"
#include <dirent.h>
#include <mqueue.h>
#include <sys/mount.h>
#include <sys/vfs.h>

static char name[64], path[80];

static void list(void)
{
	DIR *d = opendir("m");
	struct dirent *e;
	int found = 0;

	while ((e = readdir(d)))
		found += !strcmp(e->d_name, name + 1);
	closedir(d);
	say("listed %d", found);
}

TEST(mq_fs)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGURG };
	struct mq_attr a;
	struct statfs sf;
	struct stat st;
	char buf[100];
	mqd_t q;
	int fd;

	snprintf(name, sizeof(name), "/nestling-fs-%d", getpid());
	snprintf(path, sizeof(path), "m%s", name);
	NEED(mkdir("m", 0755));
	T(mount("none", "m", "mqueue", 0, NULL));
	NEED(statfs("m", &sf));
	say("%#lx", (long)sf.f_type);
	NEED(stat("m", &st));
	say("%o", st.st_mode);
	q = NEED(mq_open(name, O_RDWR | O_CREAT, 0620, NULL));
	list();
	NEED(stat(path, &st));
	say("%o %ld %ld", st.st_mode, (long)st.st_size, (long)st.st_nlink);
	NEED(mq_send(q, "12345", 5, 0));
	NEED(mq_send(q, "678", 3, 0));
	fd = NEED(open(path, O_RDONLY));
	T(pread(fd, buf, sizeof(buf), 0));
	say("%.51s", buf);
	T(pread(fd, buf, 5, 2));
	say("%.5s", buf);
	NEED(mq_notify(q, &ev));
	T(read(fd, buf, sizeof(buf)));
	say("%.53s %d", buf, atoi(buf + 53) == getpid());
	/* In another pid namespace the notifier's pid, which means nothing there, is not shown. */
	CHILD({
		NEED(unshare(CLONE_NEWPID));
		CHILD({
			NEED(pread(fd, buf, sizeof(buf), 0));
			say("%d", atoi(buf + 53));
		});
	});
	T(read(fd, buf, sizeof(buf)));
	T(close(fd));
	fd = NEED(open(path, O_RDWR));
	T(write(fd, "x", 1));
	T(mq_receive(fd, buf, 8192, NULL)); /* it is a descriptor of the queue */
	T(ftruncate(fd, 0));
	T(close(fd));
	T(chmod(path, 0400));
	T(rename(path, "m/other"));
	T(mkdir("m/d", 0700));
	T(symlink("x", "m/l"));
	T(link(path, "m/l"));
	T(mq_unlink(name));
	T(access(path, F_OK));
	list();
	fd = NEED(open(path, O_RDWR | O_CREAT | O_EXCL, 0666));
	NEED(mq_getattr(fd, &a));
	say("%ld %ld", a.mq_maxmsg, a.mq_msgsize);
	T(unlink(path));
	T(mq_open(name, O_RDWR));
	T(close(fd));
	T(mq_close(q));
	T(umount2("m", 0));
	T(mount("none", "m", "mqueue", 0, NULL));
	T(umount2("m", 0));
}
