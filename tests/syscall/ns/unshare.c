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
}
