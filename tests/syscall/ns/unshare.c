/* SPDX-License-Identifier: MIT */
/* unshare(2) of what threads share; namespaces are not compared. */
#include "t.h"

static int fd;
static void *files(void *arg)
{
	T(unshare(CLONE_FILES));
	close(fd);
	return NULL;
}
static void *fs(void *arg)
{
	T(unshare(CLONE_FS));
	NEED(chdir("d"));
	umask(0);
	return NULL;
}

/* An unshare that is refused has changed nothing. */
static void *refused(void *arg)
{
	T(unshare(CLONE_FILES | CLONE_FS | CLONE_NEWUTS));
	close(fd);
	NEED(chdir("/"));
	return NULL;
}

static void unprivileged(void)
{
	char dir[PATH_MAX];
	pthread_t t;

	if (!getuid())
		t_become(1000, 1000);
	fd = NEED(dup(1));
	NEED0(pthread_create(&t, NULL, refused, NULL));
	pthread_join(t, NULL);
	T(fcntl(fd, F_GETFD));
	NEED(getcwd(dir, sizeof(dir)) ? 0 : -1);
	say("here: %s", dir);
}

TEST(unshare)
{
	pthread_t t;
	char a[PATH_MAX], b[PATH_MAX];

	NEED(mkdir("d", 0755));
	fd = NEED(dup(1));
	NEED(getcwd(a, sizeof(a)) ? 0 : -1);
	NEED0(pthread_create(&t, NULL, files, NULL));
	pthread_join(t, NULL);
	say("still open: %d", fcntl(fd, F_GETFD) != -1);
	NEED0(pthread_create(&t, NULL, fs, NULL));
	pthread_join(t, NULL);
	NEED(getcwd(b, sizeof(b)) ? 0 : -1);
	say("still here: %d, umask %03o", !strcmp(a, b), umask(022));
	T(unshare(0));
	T(unshare(CLONE_SYSVSEM));
	T(unshare(0x1));
	CHILD(unprivileged());
}
