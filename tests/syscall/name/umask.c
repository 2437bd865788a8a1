/* SPDX-License-Identifier: MIT */
/* umask(2): its value, what it affects, inheritance. */
#include "t.h"

static int mode(const char *path)
{
	struct stat st;

	return stat(path, &st) == -1 ? -1 : (int)(st.st_mode & 07777);
}

static void *setter(void *arg)
{
	umask(0111);
	return NULL;
}

TEST(umask)
{
	pthread_t thread;

	T(umask(0));
	T(umask(07777));
	T(umask(0277));
	close(open("f", O_CREAT | O_RDWR, 0777));
	T(mode("f"));
	mkdir("d", 01777);
	T(mode("d"));
	mknod("n", S_IFREG | 0777, 0);
	T(mode("n"));
	mkfifo("p", 0777);
	T(mode("p"));
	T(chmod("f", 0777)); /* not affected */
	T(mode("f"));
	CHILD(T(umask(0))); /* inherited, private */
	T(umask(0));
	NEED0(pthread_create(&thread, NULL, setter, NULL));
	pthread_join(thread, NULL);
	T(umask(0)); /* shared with threads */
}
